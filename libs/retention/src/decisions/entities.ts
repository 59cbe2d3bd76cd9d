import type { ByteReader, ByteWriter } from '../features/state-bytes.ts';
import type { LiveOutputs, RefinedRecords } from './live-outputs.ts';

/** What every batch of a partition goes through, with time or without. */
export interface Entities {
  readonly entityCount: number;
  readonly watermarkMs: number;
  /** Takes one batch in; gives the refined rows that came too late. Writes nothing when `out` is undefined. */
  process(step: RefinedRecords, out: LiveOutputs | undefined): readonly number[];
  /** Scores everybody in the population as they stand, the record at `offset` being the newest; nobody without time. */
  scoreStanding(out: LiveOutputs, offset: number): void;
  valueAsOf(entity: string, asOfMs: number, out: Float64Array): boolean;
  isInPopulation(entity: string, asOfMs: number): boolean;
  entities(): Iterable<string>;
  write(out: ByteWriter): void;
  readFrom(from: ByteReader): void;
}
