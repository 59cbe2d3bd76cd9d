import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import { FileSchemaRegistry } from './file-schema-registry.ts';
import { MemorySchemaRegistry } from './memory-schema-registry.ts';
import type { SchemaRegistry } from './schema-registry.ts';

/** `file:./data/schemas` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openSchemaRegistry(address: string, _options: { readonly login?: Login | undefined } = {}): Promise<SchemaRegistry> {
  const { scheme, path } = parseAddress(address, doors.schemaRegistry);
  if (scheme !== 'memory' && scheme !== 'file') throw new PlatformError('ADDRESS_INVALID', `${scheme}: is not in this build yet`);
  return scheme === 'memory' ? new MemorySchemaRegistry() : FileSchemaRegistry.open(path);
}
