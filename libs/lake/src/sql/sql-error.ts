/** A statement that the engine refused or could not finish; the message ends with the statement's first line. */
export class SqlError extends Error {
  constructor(problem: string, sql: string, cause?: unknown) {
    const line = sql.trim().split('\n', 1)[0]!;
    super(`${problem} (in: ${line.length > 120 ? `${line.slice(0, 117)}...` : line})`, cause === undefined ? undefined : { cause });
    this.name = 'SqlError';
  }
}
