import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from './key-table.ts';
import { ByteReader, ByteWriter } from './state-bytes.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
const insert = (table: KeyTable, text: string): number => table.insert(bytesOf(text), 0, bytesOf(text).length);
const find = (table: KeyTable, text: string): number => table.find(bytesOf(text), 0, bytesOf(text).length);

describe('KeyTable', () => {
  it('oracle: finds, adds and removes like a Map, also after being written and read', () => {
    const keys = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: 0, max: 40 }).map(String));
    const steps = fc.array(fc.tuple(fc.constantFrom('insert', 'insert', 'remove', 'reload'), keys), { maxLength: 200 });
    fc.assert(fc.property(steps, (actions) => {
      let table = new KeyTable();
      const twin = new Map<string, number>();
      for (const [action, key] of actions) {
        if (action === 'insert') {
          const slot = insert(table, key);
          expect(twin.get(key) ?? slot).toBe(slot);
          expect([...twin].every(([other, taken]) => other === key || taken !== slot)).toBe(true);
          twin.set(key, slot);
        } else if (action === 'remove') {
          const slot = find(table, key);
          expect(slot).toBe(twin.get(key) ?? -1);
          if (slot >= 0) table.remove(slot);
          twin.delete(key);
        } else {
          const out = new ByteWriter();
          table.write(out);
          table = KeyTable.read(new ByteReader(out.finish(1), 1));
        }
      }
      expect(table.size).toBe(twin.size);
      for (const [key, slot] of twin) {
        expect(find(table, key)).toBe(slot);
        expect(table.textOf(slot)).toBe(Buffer.from(bytesOf(key)).toString('utf8'));
      }
    }));
  });

  it('stays small when keys come and go', () => {
    const table = new KeyTable();
    for (let i = 0; i < 50_000; i++) {
      insert(table, `entity-${i}`);
      if (i >= 100) table.remove(find(table, `entity-${i - 100}`));
    }
    expect(table.size).toBe(100);
    expect(table.slotEnd).toBeLessThanOrEqual(101);
    expect(table.byteSize).toBeLessThan(20_000);
  });
});
