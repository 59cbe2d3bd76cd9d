interface Sample {
  readonly seconds: number;
  /** By app, MB. */
  readonly memoryMb: Readonly<Record<string, number>>;
}

const COLORS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed'];
const WIDTH = 860;
const HEIGHT = 360;
const LEFT = 56;
const TOP = 40;
const BOTTOM = 40;
const RIGHT = 130;

/** Resident memory of each app over time as an SVG document, axes from zero. */
export function plotSoak(samples: readonly Sample[], title: string): string {
  const apps = Object.keys(samples[0]?.memoryMb ?? {});
  const lastS = Math.max(1, samples.at(-1)?.seconds ?? 1);
  const highest = Math.max(1, ...samples.flatMap(({ memoryMb }) => Object.values(memoryMb).filter(Number.isFinite)));
  const stepMb = [50, 100, 200, 500, 1000, 2000].find((step) => highest / step <= 6) ?? 5000;
  const topMb = Math.ceil(highest / stepMb) * stepMb;
  const x = (seconds: number): number => LEFT + (seconds / lastS) * (WIDTH - LEFT - RIGHT);
  const y = (megabytes: number): number => HEIGHT - BOTTOM - (megabytes / topMb) * (HEIGHT - TOP - BOTTOM);
  const parts = [`<text x="${LEFT}" y="22" font-size="15">Resident memory, MB: ${title}</text>`];
  for (let mb = 0; mb <= topMb; mb += stepMb) {
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(mb)}" y2="${y(mb)}" stroke="#ddd"/><text x="${LEFT - 8}" y="${y(mb) + 4}" text-anchor="end">${mb}</text>`);
  }
  for (let part = 0; part <= 6; part++) {
    const seconds = (lastS * part) / 6;
    parts.push(`<text x="${x(seconds)}" y="${HEIGHT - 14}" text-anchor="middle">${(seconds / 60).toFixed(lastS < 600 ? 1 : 0)} min</text>`);
  }
  for (const [k, app] of apps.entries()) {
    const points = samples.filter(({ memoryMb }) => Number.isFinite(memoryMb[app])).map(({ seconds, memoryMb }) => `${x(seconds).toFixed(1)},${y(memoryMb[app]).toFixed(1)}`);
    parts.push(`<polyline fill="none" stroke="${COLORS[k % COLORS.length]}" stroke-width="1.5" points="${points.join(' ')}"/>`);
    parts.push(`<text x="${WIDTH - RIGHT + 12}" y="${TOP + 18 * k + 12}" fill="${COLORS[k % COLORS.length]}">${app}</text>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>\n`;
}
