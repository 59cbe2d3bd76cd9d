import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter, SnapshotMismatch } from './state-bytes.ts';

function sealed(): Uint8Array {
  const out = new ByteWriter();
  out.text('größer');
  out.number(-1.5);
  out.int32s(Int32Array.of(1, -2, 3));
  out.float64s(Float64Array.of(0.1, NaN));
  out.bytes(Uint8Array.of(9, 8, 7));
  return out.finish(3).slice();
}

describe('state bytes', () => {
  it('gives back what was written, wherever the bytes lie', () => {
    const shifted = new Uint8Array(sealed().length + 3);
    shifted.set(sealed(), 3);
    const from = new ByteReader(shifted.subarray(3), 3);
    expect(from.text()).toBe('größer');
    expect(from.number()).toBe(-1.5);
    expect([...from.int32s()]).toEqual([1, -2, 3]);
    expect([...from.float64s()]).toEqual([0.1, NaN]);
    expect([...from.bytes()]).toEqual([9, 8, 7]);
  });

  it('refuses every damaged byte, a cut, another layout and other bytes', () => {
    for (let at = 0; at < sealed().length; at++) {
      const damaged = sealed();
      damaged[at] ^= 0x10;
      expect(() => new ByteReader(damaged, 3), `byte ${at}`).toThrow(SnapshotMismatch);
    }
    expect(() => new ByteReader(sealed().subarray(0, 40), 3)).toThrow(/expected a snapshot of \d+ bytes, found 40/);
    expect(() => new ByteReader(sealed(), 4)).toThrow('expected snapshot layout 4, found 3');
    expect(() => new ByteReader(new Uint8Array(5), 3)).toThrow(SnapshotMismatch);
  });
});

it('reads a snapshot that stands anywhere in a larger Buffer', () => {
  const writer = new ByteWriter();
  writer.number(7);
  writer.int32s(Int32Array.of(1, 2, 3));
  const sealed = writer.finish(1);
  for (let shift = 0; shift < 8; shift++) {
    const larger = Buffer.concat([Buffer.alloc(shift), sealed, Buffer.alloc(3)]);
    const reader = new ByteReader(larger.subarray(shift, shift + sealed.length), 1);
    expect([reader.number(), ...reader.int32s()]).toEqual([7, 1, 2, 3]);
  }
});
