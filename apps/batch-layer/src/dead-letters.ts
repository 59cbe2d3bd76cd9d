import type { EventLog, RecordBatch } from '#tideline/platform';
import type { Source } from '#tideline/retention';

export const DEAD_LETTER_TOPIC = 'dead-letter';
/** A letter takes a few times its bytes while it is read. */
const READ_BYTES = 4 << 20;

/** One line that no record was made of, as the ingestor wrote it. */
export interface DeadLetter {
  readonly reason: string;
  readonly detail: string;
  /** Text, or base64 where `encoding` says so, since its bytes are no UTF-8. */
  readonly original: string;
  readonly encoding: 'utf8' | 'base64';
  /** Row in its batch. */
  readonly row: number;
}

/** What a batch of the topic holds of a source, and the offset after the batch. */
interface DeadLetters {
  readonly batch: RecordBatch;
  readonly letters: readonly DeadLetter[];
  readonly next: number;
}

/** Batches of one partition of `dead-letter` in `[start, end)`, in order, each with the source's letters in it. */
export async function* readDeadLetters(log: EventLog, source: Source, partition: number, start: number, end: number): AsyncIterable<DeadLetters> {
  for (let offset = start; offset < end; ) {
    const batches = await log.read(DEAD_LETTER_TOPIC, partition, offset, { maxBytes: READ_BYTES, maxWaitMs: 0 });
    if (batches.length === 0) return;
    for (const batch of batches) {
      if (batch.baseOffset >= end) return;
      offset = batch.baseOffset + batch.count;
      yield { batch, letters: lettersIn(batch, source.name), next: offset };
    }
  }
}

function lettersIn({ count, values, valueOffsets }: RecordBatch, source: string): DeadLetter[] {
  const texts = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const letters: DeadLetter[] = [];
  for (let row = 0; row < count; row++) {
    const letter = JSON.parse(texts.toString('utf8', valueOffsets[row], valueOffsets[row + 1])) as Omit<DeadLetter, 'row'> & { source: string };
    if (letter.source === source) letters.push({ reason: letter.reason, detail: letter.detail, original: letter.original, encoding: letter.encoding, row });
  }
  return letters;
}
