import assert from 'node:assert/strict';
import { compileExpression } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import { TextSink } from '../expressions/text-sink.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import type { Column, ColumnBatch } from './columns.ts';
import { misfits } from './union-batch.ts';

/** What silver keeps of a batch: source columns, then derived ones; `kept[k]` is the input row of output row k. */
export interface Refined {
  readonly batch: ColumnBatch;
  /** In row order, one for each row that is left out. */
  readonly rejections: readonly { readonly row: number; readonly reason: string }[];
  readonly kept: Int32Array;
}

/** Texts packed end to end: text k is `bytes[offsets[k] .. offsets[k + 1]]`, UTF-8. */
export interface PackedTexts {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

/**
 * The meaning of silver, one definition for every layer: derived columns in order, then the source's `rejects`; rows without entity
 * or event time are rejected first (`entity-missing`, `time-missing`), before them those that are no records of their table. The first reason that holds counts.
 */
export function createRefiner(source: Source): (raw: ColumnBatch) => Refined {
  const scope = recordScope(source);
  const derived = source.derived.map((column) => ({ ...column, compiled: compileExpression(expectExpression(column.formula, scope)) }));
  const rejects = source.rejects.map((reject) => ({ reason: reject.reason, compiled: compileExpression(expectExpression(reject.when, scope)) }));
  return (raw) => {
    assert(raw.names.length >= source.columns.length, `expected ${source.columns.length} columns, found ${raw.names.length}`);
    const names = raw.names.slice();
    const columns = raw.columns.slice();
    const batch: ColumnBatch = { rowCount: raw.rowCount, names, columns };
    for (const { name, type, compiled } of derived) {
      const column = compiled.evaluateColumn(batch, type);
      names.push(name);
      columns.push(column);
    }
    const reasons: { reason: string; rows: Uint8Array }[] = source.tables === undefined ? [] : misfits(source, raw);
    for (const [name, reason] of [[source.entity, 'entity-missing'], [source.time, 'time-missing']]) {
      const nulls = name === undefined ? undefined : columns[names.indexOf(name)].nulls;
      if (nulls?.includes(1) === true) reasons.push({ reason: reason as string, rows: nulls });
    }
    for (const { reason, compiled } of rejects) {
      const rows = compiled.selectRows(batch);
      if (rows.includes(1)) reasons.push({ reason, rows });
    }
    return reasons.length === 0 ? { batch, rejections: [], kept: rowNumbers(raw.rowCount) } : leaveOut(batch, reasons);
  };
}

function rowNumbers(rowCount: number): Int32Array {
  const rows = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row++) rows[row] = row;
  return rows;
}

function leaveOut(batch: ColumnBatch, reasons: readonly { reason: string; rows: Uint8Array }[]): Refined {
  const rejections: { row: number; reason: string }[] = [];
  const kept = new Int32Array(batch.rowCount);
  let count = 0;
  for (let row = 0; row < batch.rowCount; row++) {
    const found = reasons.find((reason) => reason.rows[row] === 1);
    if (found === undefined) kept[count++] = row;
    else rejections.push({ row, reason: found.reason });
  }
  const rows = kept.subarray(0, count);
  return { batch: takeRows(batch, rows), rejections, kept: rows };
}

/** The named rows of a batch, in that order, as a batch of its own. */
export function takeRows(batch: ColumnBatch, rows: Int32Array): ColumnBatch {
  return { rowCount: rows.length, names: batch.names, columns: batch.columns.map((column) => takeColumn(column, rows)) };
}

function takeColumn(column: Column, rows: Int32Array): Column {
  const count = rows.length;
  const offsets = column.offsets === undefined ? undefined : new Int32Array(count + 1);
  let length = count;
  if (offsets !== undefined && column.offsets !== undefined) {
    for (let k = 0; k < count; k++) offsets[k + 1] = offsets[k] + column.offsets[rows[k] + 1] - column.offsets[rows[k]];
    length = offsets[count];
  }
  const values = column.values instanceof Int32Array ? new Int32Array(length) : column.values instanceof Float64Array ? new Float64Array(length) : new Uint8Array(length);
  if (offsets === undefined || column.offsets === undefined) for (let k = 0; k < count; k++) values[k] = column.values[rows[k]];
  else for (let k = 0; k < count; k++) values.set(column.values.subarray(column.offsets[rows[k]], column.offsets[rows[k] + 1]), offsets[k]);
  const taken: Column = offsets === undefined ? { type: column.type, values } : { type: column.type, values, offsets };
  if (column.nulls === undefined) return taken;
  const nulls = new Uint8Array(count);
  for (let k = 0; k < count; k++) nulls[k] = column.nulls[rows[k]];
  return nulls.includes(1) ? { ...taken, nulls } : taken;
}

/** The entity of each row of a refined batch as text, which is the record's key; integers in decimal digits. */
export function entityKeys(source: Source, batch: ColumnBatch): PackedTexts {
  const column = batch.columns[batch.names.indexOf(source.entity)];
  assert(column !== undefined, `expected the entity column ${source.entity}, found ${batch.names.join(', ')}`);
  if (column.offsets !== undefined) return { offsets: Uint32Array.from(column.offsets), bytes: column.values as Uint8Array };
  const sink = new TextSink(batch.rowCount, 12);
  const offsets = new Uint32Array(batch.rowCount + 1);
  for (let row = 0; row < batch.rowCount; row++) {
    sink.putInteger(column.values[row]);
    offsets[row + 1] = sink.length;
  }
  return { offsets, bytes: sink.bytes.subarray(0, sink.length) };
}
