import assert from 'node:assert';

import type { Source } from '../sources/source.ts';
import { avroSchemaOf } from './avro-schema.ts';
import { columnDecoder } from './column-decoders.ts';
import type { Cursor } from './column-decoders.ts';
import { columnWriter, SPARE_BYTES } from './column-writers.ts';
import type { Target } from './column-writers.ts';
import type { ColumnBatch } from './columns.ts';

/** Magic byte and schema id in front of every value. */
const FRAME_BYTES = 5;

/** Values of records, one after the other: value i is `values[valueOffsets[i] .. valueOffsets[i+1])`. */
export interface PackedValues {
  readonly count: number;
  readonly valueOffsets: Uint32Array;
  readonly values: Uint8Array;
}

/**
 * Records of a source between typed columns and Avro in the Confluent wire format (byte 0, schema id as 32 bits big-endian, body).
 * The bytes are those that any Avro library writes for `avroSchema`; reading also takes arrays in several blocks.
 */
export class RecordCodec {
  /** Schema text, as registered under the id. */
  readonly avroSchema: string;
  readonly schemaId: number;
  private readonly source: Source;
  private readonly names: readonly string[];
  private scratch = targetOf(65_536);

  constructor(source: Source, schemaId: number) {
    assert(Number.isInteger(schemaId) && schemaId >= 0 && schemaId < 2 ** 31, `expected a schema id of 31 bits, found ${schemaId}`);
    this.source = source;
    this.schemaId = schemaId;
    this.avroSchema = avroSchemaOf(source);
    this.names = source.columns.map((column) => column.name);
  }

  /** Encodes the source's columns of the batch, which may have more; `rows` picks and orders rows, all by default. */
  encode(batch: ColumnBatch, rows?: Int32Array): PackedValues {
    const writers = this.source.columns.map((column) => {
      const index = batch.names.indexOf(column.name);
      assert(index >= 0, `expected the column ${column.name} in the batch, found ${batch.names.join(', ')}`);
      return columnWriter(batch.columns[index], column.nullable, batch.rowCount);
    });
    const count = rows?.length ?? batch.rowCount;
    // Rows may be picked more than once only by mistake, so the whole batch's room is enough.
    assert(count <= batch.rowCount, `expected at most ${batch.rowCount} rows, found ${count}`);
    const room = writers.reduce((sum, writer) => sum + writer.bytesAtMost, batch.rowCount * FRAME_BYTES);
    if (room + SPARE_BYTES > this.scratch.bytes.length) this.scratch = targetOf(room + SPARE_BYTES + (room >> 2));
    const target = this.scratch;
    const { bytes } = target;
    const { schemaId } = this;
    const valueOffsets = new Uint32Array(count + 1);
    let position = 0;
    for (let index = 0; index < count; index++) {
      const row = rows === undefined ? index : rows[index];
      bytes[position] = 0;
      bytes[position + 1] = schemaId >>> 24;
      bytes[position + 2] = schemaId >>> 16;
      bytes[position + 3] = schemaId >>> 8;
      bytes[position + 4] = schemaId;
      position += FRAME_BYTES;
      for (const writer of writers) position = writer.write(row, target, position);
      valueOffsets[index + 1] = position;
    }
    return { count, valueOffsets, values: bytes.slice(0, position) };
  }

  /** Decodes records that were written with this codec's schema; anything else stops with what was expected and found. */
  decode(records: PackedValues): ColumnBatch {
    const { count, values, valueOffsets } = records;
    const decoders = this.source.columns.map((column) => columnDecoder(column.type, column.nullable, count));
    const cursor: Cursor = { bytes: values, view: new DataView(values.buffer, values.byteOffset, values.byteLength), position: 0 };
    for (let row = 0; row < count; row++) {
      const start = valueOffsets[row];
      const end = valueOffsets[row + 1];
      this.checkFrame(values, start, end, row);
      cursor.position = start + FRAME_BYTES;
      for (const decoder of decoders) decoder.read(cursor, row);
      if (cursor.position !== end) assert.fail(`expected record ${row} to end at byte ${end}, found its end at ${cursor.position}`);
    }
    return { rowCount: count, names: this.names, columns: decoders.map((decoder) => decoder.take(count)) };
  }

  private checkFrame(values: Uint8Array, start: number, end: number, row: number): void {
    if (end - start < FRAME_BYTES || values[start] !== 0) assert.fail(`expected record ${row} in the Confluent wire format`);
    const found = ((values[start + 1] << 24) | (values[start + 2] << 16) | (values[start + 3] << 8) | values[start + 4]) >>> 0;
    if (found !== this.schemaId) assert.fail(`expected schema ${this.schemaId} of ${this.source.name}, found ${found} (record ${row})`);
  }
}

function targetOf(byteCount: number): Target {
  const buffer = new ArrayBuffer(byteCount);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}
