/* What every schema registry must do, run for each implementation. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SchemaRegistry } from './schema-registry.ts';

/** One registry under test; subjects are new in each test, ids need not begin at 1. */
export interface SchemaRegistryUnderTest {
  readonly registry: SchemaRegistry;
  dispose(): Promise<void>;
  /** What child processes open; absent when only this process can see it. */
  readonly address?: string;
}

const childPath = fileURLToPath(new URL('./schema-registry.child.ts', import.meta.url));

const record = (name: string, fields: readonly Record<string, unknown>[]): string =>
  JSON.stringify({ type: 'record', name: `${name}_${process.pid}`, fields });
// A format and a newer draft, as our own have.
const scoreSchema = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', properties: { at: { type: ['string', 'null'], format: 'date-time' } },
});
const id = { name: 'id', type: 'string' };
const price = { name: 'price', type: 'int', scale: 2 };

/** Runs the contract of `SchemaRegistry` against an implementation. */
export function schemaRegistryContract(name: string, make: () => Promise<SchemaRegistryUnderTest>): void {
  describe(`${name} keeps the contract of a schema registry`, () => {
    let subject: SchemaRegistryUnderTest;
    let registry: SchemaRegistry;
    let raw: string;
    beforeEach(async () => {
      subject = await make();
      registry = subject.registry;
      raw = `raw.${randomUUID()}-value`;
    });
    afterEach(() => subject.dispose());
    test('a schema has one id, whatever its white space and subject, and comes back as it was', async () => {
      const schema = record('Click', [id, price]);
      const first = await registry.register(raw, schema, 'AVRO');
      expect(first).toBeGreaterThan(0);
      expect(await registry.register(raw, JSON.stringify(JSON.parse(schema), undefined, 2), 'AVRO')).toBe(first);
      expect(await registry.register(`${raw}.other`, schema, 'AVRO')).toBe(first);
      const scores = await registry.register(`${raw}.scores`, scoreSchema, 'JSON');
      expect(scores).not.toBe(first);
      const found = await registry.schemaById(first);
      expect([JSON.parse(found.schema), found.type]).toEqual([JSON.parse(schema), 'AVRO']);
      expect((await registry.schemaById(scores)).type).toBe('JSON');
      await expect(registry.schemaById(scores + 1000)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('a new version must read what the last one wrote', async () => {
      const first = await registry.register(raw, record('Page', [id, price]), 'AVRO');
      const refuse = async (fields: readonly Record<string, unknown>[]): Promise<void> => {
        await expect(registry.register(raw, record('Page', fields), 'AVRO')).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
      };
      await refuse([id, price, { name: 'colour', type: 'string' }]);
      await refuse([id, { name: 'price', type: 'string' }]);
      await expect(registry.register(raw, scoreSchema, 'JSON')).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
      const colour = { name: 'colour', type: ['null', 'string'], default: null };
      const second = await registry.register(raw, record('Page', [id, price, colour]), 'AVRO');
      expect(second).not.toBe(first);
      const third = await registry.register(raw, record('Page', [id, { name: 'price', type: 'long', scale: 2 }, colour]), 'AVRO');
      // Back from long to int would not read what the third one writes, but the first version is known already.
      await refuse([id, price, colour, { name: 'size', type: 'int', default: 0 }]);
      expect(await registry.register(raw, record('Page', [id, price]), 'AVRO')).toBe(first);
      expect(new Set([first, second, third]).size).toBe(3);
    });

    test('what is no schema is the caller\'s mistake', async () => {
      await expect(registry.register(raw, '{"type":"recrod"}', 'AVRO')).rejects.toThrow('expected a schema of type AVRO');
      await expect(registry.register(raw, 'no json', 'JSON')).rejects.toThrow('expected a schema of type JSON');
    });

    test('processes that register the same schemas at once get the same ids', async (t) => {
      if (subject.address === undefined) return t.skip('only this process sees the registry');
      const schemas = Array.from({ length: 12 }, (_, i) => ({ subject: `${raw}.${i}`, schema: record(`Type${i}`, [id]) }));
      const children = [schemas, schemas, [...schemas].reverse()].map((tasks) => {
        const argument = JSON.stringify({ address: subject.address, schemas: tasks });
        const child = spawn(process.execPath, ['--conditions=source', childPath, argument], { stdio: ['pipe', 'pipe', 'inherit'] });
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        return { child, ids: new Promise<number[]>((resolve, reject) => child.on('close', (code) => (code === 0 ? resolve(JSON.parse(output) as number[]) : reject(new Error(`a child ended with ${code}`))))) };
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
      for (const { child } of children) child.stdin.end();
      const [one, two, reversed] = await Promise.all(children.map(({ ids }) => ids));
      expect(two).toEqual(one);
      expect([...reversed].reverse()).toEqual(one);
      expect(new Set(one).size).toBe(schemas.length);
    });
  });
}
