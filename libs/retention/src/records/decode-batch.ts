import type { ColumnBatch } from './columns.ts';
import type { PackedValues, RecordCodec } from './record-codec.ts';

/** Values with the place on the log where they lie. */
export interface PlacedValues extends PackedValues {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
}

/**
 * A record on the log that this source's schema can't read. Whoever meets it stops before it and commits nothing of its batch: to pass over it
 * would leave a hole that no count shows. Its fields are those by which failures of the world are known; waiting does not cure it.
 */
export class UnreadableRecord extends Error {
  override readonly name = 'UnreadableRecord';
  readonly code = 'UNREADABLE_RECORD';
  readonly outcome = 'not-applied';
  readonly retriable = false;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Of the record; undefined when it is not in the Confluent wire format. */
  readonly schemaId: number | undefined;

  constructor(at: { readonly topic: string; readonly partition: number; readonly offset: number; readonly schemaId: number | undefined }, message: string) {
    super(message);
    this.topic = at.topic;
    this.partition = at.partition;
    this.offset = at.offset;
    this.schemaId = at.schemaId;
  }
}

/** The columns of a batch; throws `UnreadableRecord` naming the first record that the codec can't read. */
export function decodeBatch(codec: RecordCodec, batch: PlacedValues): ColumnBatch {
  try {
    return codec.decode(batch);
  } catch (error) {
    const row = firstUnreadable(codec, batch);
    if (row === undefined) throw error;
    throw describe(codec, batch, row);
  }
}

/** Found by reading records one by one: only ever done for a batch that failed. */
function firstUnreadable(codec: RecordCodec, batch: PackedValues): number | undefined {
  for (let row = 0; row < batch.count; row++) {
    try {
      codec.decode(single(batch, row));
    } catch {
      return row;
    }
  }
  return undefined;
}

function single({ values, valueOffsets }: PackedValues, row: number): PackedValues {
  const bytes = values.subarray(valueOffsets[row], valueOffsets[row + 1]);
  return { count: 1, valueOffsets: Uint32Array.of(0, bytes.length), values: bytes };
}

function describe(codec: RecordCodec, batch: PlacedValues, row: number): UnreadableRecord {
  const { values: bytes } = single(batch, row);
  const schemaId = bytes.length >= 5 && bytes[0] === 0 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(1) : undefined;
  const offset = batch.baseOffset + row;
  const place = `${batch.topic} partition ${batch.partition} offset ${offset}`;
  const advice = 'Nothing is lost: work on this partition stops before the record.';
  const message =
    schemaId === undefined
      ? `${place}: expected Avro in the Confluent wire format, found ${bytes.length} bytes that begin with ${Buffer.from(bytes.subarray(0, 8)).toString('hex') || 'nothing'}. ${advice} Find the producer that wrote it; only the ingestor may write this topic.`
      : schemaId !== codec.schemaId
        ? `${place}: expected schema id ${codec.schemaId}, found ${schemaId}. ${advice} If the schema registry was emptied or replaced, bring back the one that gave the id ${schemaId}; otherwise another producer wrote it: only the ingestor may write this topic.`
        : `${place}: expected a record of schema id ${schemaId}, found ${bytes.length} bytes that are none. ${advice} The record is damaged, or another producer wrote it with the wrong schema id.`;
  return new UnreadableRecord({ topic: batch.topic, partition: batch.partition, offset, schemaId }, message);
}
