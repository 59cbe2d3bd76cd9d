import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';

/** Cells of a block about; small enough for two of them beside any data, large enough that a call costs little beside its work. */
const blockCells = 2_000_000;

/** Rows of a block of `columnCount` columns: depends on nothing else, so that sums over blocks are the same everywhere. */
export function rowsPerBlock(columnCount: number): number {
  return Math.min(65_536, Math.max(1024, 1024 * Math.round(blockCells / columnCount / 1024)));
}

/** Two blocks' room in compute memory, made once and used by every pass. */
export class BlockReader {
  readonly #prepared: PreparedRows;
  readonly #context: FitContext;
  readonly #rooms: readonly [Float32Array, Float32Array];

  constructor(prepared: PreparedRows, context: FitContext) {
    const length = Math.min(prepared.rowCount, rowsPerBlock(prepared.columnCount)) * prepared.columnCount;
    this.#prepared = prepared;
    this.#context = context;
    this.#rooms = [context.compute.float32(length), context.compute.float32(length)];
  }

  /**
   * Visits blocks of prepared rows in order, without holding more than two: while the threads work on one, the next is made. A block's rows are
   * overwritten after its visit.
   */
  async eachBlock(visit: (X: Float32Array, start: number, count: number) => Promise<void>): Promise<void> {
    const { rowCount, columnCount } = this.#prepared;
    const rows = rowsPerBlock(columnCount);
    const { pace } = this.#context;
    let visiting: Promise<void> = Promise.resolve();
    for (let start = 0, turn = 0; start < rowCount; start += rows, turn ^= 1) {
      const count = Math.min(rows, rowCount - start);
      const room = this.#rooms[turn]!.subarray(0, count * columnCount);
      const { readOnThreads } = this.#prepared;
      // Threads that make rows can't work on others meanwhile.
      if (readOnThreads !== undefined) {
        await visiting;
        await readOnThreads(start, start + count, room, this.#context.compute);
      } else {
        try {
          await this.#read(start, count, room);
        } finally {
          await visiting;
        }
      }
      visiting = visit(room, start, count);
      // A rejection is heard where it is awaited, after the next block was read.
      visiting.catch(() => undefined);
    }
    await visiting;
    if (pace.spend(1)) await pace.pause();
  }

  /** In steps of 256 rows, since a row may be costly to prepare. */
  async #read(start: number, count: number, room: Float32Array): Promise<void> {
    const { columnCount } = this.#prepared;
    const { pace } = this.#context;
    for (let row = 0; row < count; row += 256) {
      const end = Math.min(row + 256, count);
      this.#prepared.read(start + row, start + end, room.subarray(row * columnCount, end * columnCount));
      if (pace.spend(2 * (end - row) * columnCount)) await pace.pause();
    }
  }
}
