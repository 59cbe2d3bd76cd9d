import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileSchemaRegistry } from './file-schema-registry.ts';
import { MemorySchemaRegistry } from './memory-schema-registry.ts';
import { openSchemaRegistry } from './open-schema-registry.ts';
import { schemaRegistryContract } from './schema-registry.contract.ts';
import { UnreliableSchemaRegistry } from './unreliable-schema-registry.ts';

schemaRegistryContract('MemorySchemaRegistry', async () => {
  const registry = new MemorySchemaRegistry();
  return { registry, dispose: () => registry.close() };
});

schemaRegistryContract('UnreliableSchemaRegistry without faults', async () => {
  const registry = new UnreliableSchemaRegistry(new MemorySchemaRegistry(), { seed: 4, answerLate: 0.2, lateMsMax: 2 });
  return { registry, dispose: () => registry.close() };
});

schemaRegistryContract('FileSchemaRegistry', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-schemas-'));
  const registry = await FileSchemaRegistry.open(folder);
  return { registry, address: `file:${folder}`, dispose: async () => rmSync(folder, { recursive: true }) };
});

test('ids count from 1 and survive reopening; damage is named; other addresses are refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-schemas-'));
  const first = await openSchemaRegistry(`file:${folder}`);
  expect([await first.register('a', '"string"', 'AVRO'), await first.register('b', '"long"', 'AVRO')]).toEqual([1, 2]);
  const again = await openSchemaRegistry(`file:${folder}`);
  expect([await again.register('c', '"long"', 'AVRO'), await again.register('c', '"double"', 'AVRO')]).toEqual([2, 3]);
  expect(readdirSync(join(folder, '.tmp'))).toEqual([]);
  expect(JSON.parse(readFileSync(join(folder, 'subjects', 'c.json'), 'utf8'))).toEqual({ ids: [2, 3] });
  writeFileSync(join(folder, 'ids', '2.json'), '{');
  const damaged = await openSchemaRegistry(`file:${folder}`);
  await expect(damaged.schemaById(2)).rejects.toMatchObject({ code: 'CORRUPT' });
  rmSync(folder, { recursive: true });
  await expect(openSchemaRegistry('ftp://host:8081')).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
});
