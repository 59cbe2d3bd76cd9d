import { createHash } from 'node:crypto';
import { openLogFile, type ObjectStore } from '#tideline/platform';
import type { Source } from '#tideline/retention';

/** A file that describes its window completely, named by its content, so that the same bytes are the same delivery wherever they lie. */
export interface Delivery {
  /** As messages call it. */
  readonly name: string;
  /** First 16 hexadecimal digits of the SHA-256 of its (decompressed) bytes. */
  readonly id: string;
  readonly byteCount: number;
  /** Its decompressed bytes, from the start, as often as asked; a piece is valid until the next. */
  read(): AsyncIterable<Uint8Array>;
}

/** Reads a delivery once to name it. */
export async function nameDelivery(name: string, read: () => AsyncIterable<Uint8Array>): Promise<Delivery> {
  const hash = createHash('sha256');
  let byteCount = 0;
  for await (const bytes of read()) {
    hash.update(bytes);
    byteCount += bytes.byteLength;
  }
  return { name, id: hash.digest('hex').slice(0, 16), byteCount, read };
}

/** A file as a delivery: plain, compressed or in a tar, as replays read them. */
export async function openDelivery(path: string): Promise<Delivery> {
  return nameDelivery(path, async function* () {
    const file = await openLogFile(path);
    try {
      yield* file.read(0);
    } finally {
      await file.close();
    }
  });
}

export function deliveryOfBytes(name: string, bytes: Uint8Array): Promise<Delivery> {
  return nameDelivery(name, async function* () { yield bytes; });
}

function keyOf(source: Pick<Source, 'name'>, id: string): string {
  return `bronze/deliveries/${source.name}/${id}`;
}

/** Keeps a delivery's bytes as they arrived: what bronze is for a source that is loaded by deliveries. */
export async function keepDelivery(store: ObjectStore, source: Source, delivery: Delivery): Promise<void> {
  const key = keyOf(source, delivery.id);
  if ((await store.head(key)) !== undefined) return;
  const upload = await store.upload(key);
  try {
    for await (const bytes of delivery.read()) await upload.write(Uint8Array.from(bytes));
    await upload.finish();
  } catch (error) {
    await upload.abort().catch(() => undefined);
    throw error;
  }
}

/** A kept delivery, or undefined. */
export async function keptDelivery(store: ObjectStore, source: Source, id: string): Promise<Delivery | undefined> {
  const key = keyOf(source, id);
  const info = await store.head(key);
  return info === undefined ? undefined : { name: `delivery ${id}`, id, byteCount: info.byteCount, read: async function* () { yield await store.get(key); } };
}
