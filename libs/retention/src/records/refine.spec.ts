import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSource } from '../sources/parse-source.ts';
import type { Source } from '../sources/source.ts';
import type { Column, ColumnBatch, ColumnType } from './columns.ts';
import { createRefiner, entityKeys } from './refine.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const SHARED = [process.env['TIDELINE_SHARED'] ?? '', resolve(ROOT, '../shared'), resolve(ROOT, '../../shared')].find((path) => path !== '' && existsSync(path));

function readSource(name: string, edit: (text: string) => string = (text) => text): Source {
  const file = (part: string) => {
    const text = readFileSync(`${ROOT}/sources/${name}/${part}.yaml`, 'utf8');
    return { path: part, text: part === 'schema' ? edit(text) : text };
  };
  const { source, problems } = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') });
  if (source === undefined) throw new Error(JSON.stringify(problems));
  return source;
}

function texts(type: ColumnType, values: readonly string[]): Column {
  const parts = values.map((value) => Buffer.from(value, 'utf8'));
  const offsets = new Int32Array(values.length + 1);
  parts.forEach((part, row) => { offsets[row + 1] = offsets[row] + part.length; });
  return { type, values: new Uint8Array(Buffer.concat(parts)), offsets };
}

interface Line { invoice: string; quantity: number; thousandths: number; customer: number; time?: number | null }

function retailBatch(source: Source, lines: readonly Line[]): ColumnBatch {
  const ints = (of: (line: Line) => number) => Int32Array.from(lines, of);
  const byName: Record<string, Omit<Column, 'type'>> = {
    quantity: { values: ints((line) => line.quantity) }, customer_id: { values: ints((line) => line.customer) },
    unit_price: { values: Float64Array.from(lines, (line) => line.thousandths) },
    invoice_date: { values: Float64Array.from(lines, (line) => line.time ?? 0), nulls: Uint8Array.from(lines, (line) => line.time === null ? 1 : 0) },
  };
  const columns = source.columns.map((column): Column => {
    const numeric = byName[column.name];
    return numeric === undefined ? texts(column.type, lines.map((line) => column.name === 'invoice_no' ? line.invoice : 'é')) : { type: column.type, ...numeric };
  });
  return { rowCount: lines.length, names: source.columns.map((column) => column.name), columns };
}

function columnOf(batch: ColumnBatch, name: string): Column {
  return batch.columns[batch.names.indexOf(name)] ?? expect.fail(`expected ${name}`);
}

const textOf = (packed: { offsets: ArrayLike<number>; bytes: Uint8Array }, row: number): string => Buffer.from(packed.bytes.subarray(packed.offsets[row], packed.offsets[row + 1])).toString();

describe('createRefiner', () => {
  it('oracle: a decimal derived from int x decimal is the exact integer product', () => {
    const source = readSource('online-retail');
    const refine = createRefiner(source);
    fc.assert(fc.property(fc.array(fc.record({
      invoice: fc.constantFrom('536365', 'C536365'), quantity: fc.integer({ min: -80_995, max: 80_995 }), thousandths: fc.integer({ min: -11_062_060, max: 38_970_000 }),
      customer: fc.integer({ min: 1, max: 99_999 }),
    }), { maxLength: 50 }), (lines) => {
      const { batch, rejections, kept } = refine(retailBatch(source, lines));
      const amount = columnOf(batch, 'amount');
      expect([...amount.values]).toEqual(lines.map((line) => line.quantity * line.thousandths + 0));
      expect(amount.nulls).toBeUndefined();
      expect(rejections).toEqual([]);
      expect(kept).toHaveLength(lines.length);
    }));
  });

  it('rejects rows by the first reason that holds and keeps the others whole', () => {
    const source = readSource('online-retail', (text) => text.replace('entity: customer_id', "rejects:\n  - { when: quantity = 0, reason: no-quantity }\n  - { when: amount > 1000000 or quantity = 0, reason: too-much }\nentity: customer_id"));
    const lines: Line[] = [
      { invoice: 'a', quantity: 1, thousandths: 2550, customer: 12346 }, { invoice: 'b', quantity: 0, thousandths: 1000, customer: 2 },
      { invoice: 'cé', quantity: 1_000_000, thousandths: 2000, customer: 3 }, { invoice: 'dd', quantity: 2, thousandths: 5, customer: 17850, time: 5 },
      { invoice: 'e', quantity: 2, thousandths: 5, customer: 4, time: null },
    ];
    const { batch, rejections, kept } = createRefiner(source)(retailBatch(source, lines));
    expect(rejections).toEqual([{ row: 1, reason: 'no-quantity' }, { row: 2, reason: 'too-much' }, { row: 4, reason: 'time-missing' }]);
    expect([...kept]).toEqual([0, 3]);
    expect(batch.rowCount).toBe(2);
    expect([...columnOf(batch, 'amount').values]).toEqual([2550, 10]);
    const invoices = columnOf(batch, 'invoice_no');
    expect([0, 1].map((row) => textOf({ offsets: invoices.offsets ?? [], bytes: invoices.values as Uint8Array }, row))).toEqual(['a', 'dd']);
    expect(columnOf(batch, 'invoice_date').nulls).toBeUndefined();
  });

  it('gives entity keys as text', () => {
    const source = readSource('online-retail');
    const customers = [0, 7, 10, 17850, 2147483647, -3];
    const { batch } = createRefiner(source)(retailBatch(source, customers.map((customer) => ({ invoice: 'a', quantity: 1, thousandths: 1, customer }))));
    const keys = entityKeys(source, batch);
    expect(customers.map((_, row) => textOf(keys, row))).toEqual(customers.map(String));
  });

  const file = SHARED === undefined ? '' : `${SHARED}/data/alibaba/www-data-head10.txt`;
  const absent = !existsSync(file);
  it.skipIf(absent)(`derives rewards, item counts and segments of ten real rows${absent ? ' (skipped: ../shared is absent)' : ''}`, () => {
    const source = readSource('alibaba');
    const rows = readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(';'));
    const layout = source.format.layouts[0]?.fields ?? [];
    const lengths = rows.map((row) => (row[layout.indexOf('item_price')] ?? '').replace(/(,0)+$/, '').split(',').length);
    const columns = source.columns.map((column): Column => {
      const cells = rows.map((row) => row[layout.indexOf(column.name)] ?? '');
      if (column.type.name !== 'list') return { type: column.type, values: Int32Array.from(cells, Number) };
      const scale = column.type.of.name === 'decimal' ? 10 ** column.type.of.scale : 1;
      const lists = cells.map((cell, k) => cell.split(',').slice(0, lengths[k]).map((item) => Math.round(Number(item) * scale)));
      const offsets = new Int32Array(rows.length + 1);
      lists.forEach((list, row) => { offsets[row + 1] = offsets[row] + list.length; });
      return { type: column.type, values: Int32Array.from(lists.flat()), offsets };
    });
    const { batch } = createRefiner(source)({ rowCount: rows.length, names: source.columns.map((column) => column.name), columns });
    expect([...columnOf(batch, 'reward').values].map((value) => value / 100)).toEqual([0, 0, 0.5, 0, 0, 1, 0.5, 0, 0.5, 0]);
    expect([...columnOf(batch, 'item_count').values]).toEqual([9, 25, 50, 50, 8, 45, 6, 47, 46, 39]);
    expect(textOf(entityKeys(source, batch), 1)).toBe('6-2-4');
  });
});
