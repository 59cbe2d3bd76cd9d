import { doors, parseAddress } from '../address.ts';
import { FileObjectStore } from './file-object-store.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import type { ObjectStore } from './object-store.ts';

/** `file:./data/lake` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openObjectStore(address: string): Promise<ObjectStore> {
  const { scheme, path } = parseAddress(address, doors.objectStore);
  return scheme === 'memory' ? new MemoryObjectStore() : FileObjectStore.open(path);
}
