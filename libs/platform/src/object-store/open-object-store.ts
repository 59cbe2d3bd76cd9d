import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import { FileObjectStore } from './file-object-store.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import type { ObjectStore } from './object-store.ts';

/** `file:./data/lake` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openObjectStore(address: string, _options: { readonly login?: Login | undefined } = {}): Promise<ObjectStore> {
  const { scheme, path } = parseAddress(address, doors.objectStore);
  if (scheme !== 'memory' && scheme !== 'file') throw new PlatformError('ADDRESS_INVALID', `${scheme}: is not in this build yet`);
  return scheme === 'memory' ? new MemoryObjectStore() : FileObjectStore.open(path);
}
