const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `250ms`, `30s`, `5m`, `12h`, `7d` or `2w`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(\d{1,9})\s*(ms|s|m|h|d|w)$/.exec(text);
  return parts === null ? undefined : Number(parts[1]) * UNITS[parts[2]];
}

/** Records of `500 records`; undefined for anything else. */
export function parseRecordCount(text: string): number | undefined {
  const parts = /^(\d{1,7})\s+records?$/.exec(text);
  return parts === null || Number(parts[1]) < 1 ? undefined : Number(parts[1]);
}
