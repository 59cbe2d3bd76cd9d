import { doors, parseAddress } from '../address.ts';
import { FileSchemaRegistry } from './file-schema-registry.ts';
import { MemorySchemaRegistry } from './memory-schema-registry.ts';
import type { SchemaRegistry } from './schema-registry.ts';

/** `file:./data/schemas` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openSchemaRegistry(address: string): Promise<SchemaRegistry> {
  const { scheme, path } = parseAddress(address, doors.schemaRegistry);
  return scheme === 'memory' ? new MemorySchemaRegistry() : FileSchemaRegistry.open(path);
}
