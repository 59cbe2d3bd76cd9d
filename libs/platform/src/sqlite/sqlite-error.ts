import { PlatformError, type Outcome, type PlatformErrorCode } from '../errors.ts';

// Primary result codes of SQLite (sqlite.org/rescode.html); the extended ones carry them in their low byte.
const codes: Readonly<Record<number, { code: PlatformErrorCode; says: string; retriable?: boolean }>> = {
  3: { code: 'PERMISSION', says: 'not allowed; check owner and mode of the file and its folder' },
  5: { code: 'LOCKED', says: 'another process keeps it locked', retriable: true },
  6: { code: 'LOCKED', says: 'another connection keeps it locked', retriable: true },
  8: { code: 'PERMISSION', says: 'the file or its file system is read-only' },
  10: { code: 'UNAVAILABLE', says: 'the disk reported an error' },
  11: { code: 'CORRUPT', says: 'the file is damaged; restore it from a copy, or move it away to begin anew' },
  13: { code: 'NO_SPACE', says: 'no space left on the disk; free some space there, then repeat' },
  14: { code: 'PERMISSION', says: 'it can\'t be opened; check that its folder exists and may be written' },
  18: { code: 'TOO_LARGE', says: 'larger than one row may be' },
  23: { code: 'PERMISSION', says: 'not allowed' },
  26: { code: 'CORRUPT', says: 'expected a SQLite file, found something else; move it away to begin anew' },
};

/** Primary SQLite result code of an error thrown by `node:sqlite`, or undefined. */
export function sqliteCode(error: unknown): number | undefined {
  if (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff;
  return undefined;
}

/** Turns an error of `node:sqlite` into a `PlatformError` that names the file and what was being done. */
export function sqliteError(error: unknown, doing: string, path: string, outcome: Outcome = 'not-applied'): PlatformError {
  if (error instanceof PlatformError) return error;
  const code = sqliteCode(error);
  const known = code === undefined ? undefined : codes[code];
  const says = known?.says ?? (error instanceof Error ? error.message : String(error));
  return new PlatformError(known?.code ?? 'UNAVAILABLE', `could not ${doing} ${path}: ${says}`, {
    outcome,
    retriable: known?.retriable ?? false,
    cause: error,
  });
}
