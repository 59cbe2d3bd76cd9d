import { isUtf8 } from 'node:buffer';
import type { PackedRecords } from '#tideline/platform';
import type { Rejection } from '#tideline/retention';

/** Where rejected lines came from. */
export interface LineOrigin {
  readonly source: string;
  readonly fileId: string;
  readonly loop: number;
}

/**
 * Rejected lines as records of `dead-letter`: key the source, headers `source`, `file`, `loop`, `offset`, value JSON
 * `{source, file, loop, byteOffset, reason, detail, original}`; bytes that are not UTF-8 stand in `originalBase64` instead.
 */
export function packDeadLetters(rejections: readonly Rejection[], { source, fileId, loop }: LineOrigin, atMs: number): PackedRecords {
  const key = Buffer.from(source, 'utf8');
  const count = rejections.length;
  const keyOffsets = new Uint32Array(count + 1);
  const valueOffsets = new Uint32Array(count + 1);
  const byteOffsets = new Float64Array(count);
  const values = rejections.map(({ byteOffset, reason, detail, original }, i) => {
    const bytes = Buffer.from(original.buffer, original.byteOffset, original.byteLength);
    const text = isUtf8(bytes) ? { original: bytes.toString('utf8') } : { originalBase64: bytes.toString('base64') };
    const value = Buffer.from(JSON.stringify({ source, file: fileId, loop, byteOffset, reason, detail, ...text }), 'utf8');
    keyOffsets[i + 1] = keyOffsets[i] + key.length;
    valueOffsets[i + 1] = valueOffsets[i] + value.length;
    byteOffsets[i] = byteOffset;
    return value;
  });
  return {
    count,
    keyOffsets,
    keys: Buffer.concat(new Array<Buffer>(count).fill(key)),
    valueOffsets,
    values: Buffer.concat(values),
    timestamps: new Float64Array(count).fill(atMs),
    headers: [
      { name: 'source', values: source },
      { name: 'file', values: fileId },
      { name: 'loop', values: String(loop) },
      { name: 'offset', values: byteOffsets },
    ],
  };
}
