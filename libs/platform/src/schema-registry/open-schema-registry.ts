import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { FileSchemaRegistry } from './file-schema-registry.ts';
import { MemorySchemaRegistry } from './memory-schema-registry.ts';
import type { SchemaRegistry } from './schema-registry.ts';

/** `file:./data/schemas`, `memory:` or `http://host:8081[/path]`; anything else is refused with `ADDRESS_INVALID` before anything is touched. */
export async function openSchemaRegistry(address: string, options: { readonly login?: Login | undefined } = {}): Promise<SchemaRegistry> {
  const parsed = parseAddress(address, doors.schemaRegistry);
  if (parsed.scheme === 'memory') return new MemorySchemaRegistry();
  if (parsed.scheme === 'file') return FileSchemaRegistry.open(parsed.path);
  // Loaded here, so that an embedded run never has the client in memory.
  const { ConfluentSchemaRegistry } = await import('./confluent/confluent-schema-registry.ts');
  return ConfluentSchemaRegistry.open(parsed, options);
}
