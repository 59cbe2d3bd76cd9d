/** Where a command writes: results to stdout (with `--json` one document and nothing else), progress and notes to stderr. */
export interface Output {
  readonly json: boolean;
  /** The result: as JSON, or as text for people. */
  result(value: unknown, text: () => string): void;
  /** One line of a stream of results. */
  line(value: unknown, text: () => string): void;
  note(text: string): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    result: (value, text) => void process.stdout.write(`${json ? JSON.stringify(value, undefined, 2) : text()}\n`),
    line: (value, text) => void process.stdout.write(`${json ? JSON.stringify(value) : text()}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}

/** A plain table, columns padded, numbers to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : (cell ?? '-'))));
  const numeric = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || row[i] === null || row[i] === undefined));
  const width = header.map((name, i) => Math.max(name.length, ...cells.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (numeric[i] ? cell.padStart(width[i] ?? 0) : cell.padEnd(width[i] ?? 0))).join('  ').trimEnd();
  return [line(header), line(width.map((w) => '─'.repeat(w))), ...cells.map(line)].join('\n');
}

/** Thousands separated, at most four decimals. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) ? value.toLocaleString('en-US') : value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
