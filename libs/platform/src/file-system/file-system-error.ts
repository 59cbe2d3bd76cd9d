import { PlatformError, type Outcome, type PlatformErrorCode } from '../errors.ts';

const codes: Readonly<Record<string, { code: PlatformErrorCode; says: string; retriable?: boolean }>> = {
  ENOENT: { code: 'NOT_FOUND', says: 'no such file or folder' },
  ENOSPC: { code: 'NO_SPACE', says: 'no space left on the disk; free some space there, then repeat' },
  EDQUOT: { code: 'NO_SPACE', says: 'the disk quota is used up; free some space there, then repeat' },
  EFBIG: { code: 'TOO_LARGE', says: 'the file would be larger than the file system allows' },
  EACCES: { code: 'PERMISSION', says: 'not allowed; check owner and mode of the file and its folder' },
  EPERM: { code: 'PERMISSION', says: 'not allowed; check owner and mode of the file and its folder' },
  EROFS: { code: 'PERMISSION', says: 'the file system is mounted read-only' },
  EEXIST: { code: 'ALREADY_EXISTS', says: 'something of that name exists' },
  ENOTDIR: { code: 'ALREADY_EXISTS', says: 'a file stands where a folder is needed' },
  EISDIR: { code: 'ALREADY_EXISTS', says: 'a folder stands where a file is needed' },
  ENOTEMPTY: { code: 'ALREADY_EXISTS', says: 'the folder is not empty' },
  EMFILE: { code: 'UNAVAILABLE', says: 'too many open files; raise the limit (ulimit -n)', retriable: true },
  ENFILE: { code: 'UNAVAILABLE', says: 'too many open files on this machine', retriable: true },
  ENAMETOOLONG: { code: 'TOO_LARGE', says: 'the name is longer than the file system allows' },
};

/** The operating system's code (`ENOENT`, …) of a Node error, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** Turns a Node file error into a `PlatformError` that says what was being done to which path, and what to do about it. */
export function fileSystemError(error: unknown, doing: string, path: string, outcome: Outcome = 'not-applied'): PlatformError {
  if (error instanceof PlatformError) return error;
  const code = systemCode(error);
  const known = code === undefined ? undefined : codes[code];
  const says = known?.says ?? (error instanceof Error ? error.message : String(error));
  return new PlatformError(known?.code ?? 'UNAVAILABLE', `could not ${doing} ${path}: ${says}`, {
    outcome,
    retriable: known?.retriable ?? false,
    cause: error,
  });
}
