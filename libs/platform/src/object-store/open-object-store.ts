import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { FileObjectStore } from './file-object-store.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import type { ObjectStore } from './object-store.ts';

/** `file:./data/lake`, `memory:` or `s3://host:9000/prefix`; anything else is refused with `ADDRESS_INVALID` before anything is touched. */
export async function openObjectStore(address: string, options: { readonly login?: Login | undefined } = {}): Promise<ObjectStore> {
  const parsed = parseAddress(address, doors.objectStore);
  if (parsed.scheme === 'memory') return new MemoryObjectStore();
  if (parsed.scheme === 'file') return FileObjectStore.open(parsed.path);
  // Loaded here, so that an embedded run never has the client in memory.
  const { MinioObjectStore } = await import('./minio/minio-object-store.ts');
  return MinioObjectStore.open(parsed, options);
}
