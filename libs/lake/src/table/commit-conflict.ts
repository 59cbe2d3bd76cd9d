/** A commit that can't follow what others committed before it (a removed file is gone, offsets don't join); nothing was applied. */
export class CommitConflict extends Error {
  constructor(table: string, problem: string) {
    super(`${table}: ${problem}`);
    this.name = 'CommitConflict';
  }
}
