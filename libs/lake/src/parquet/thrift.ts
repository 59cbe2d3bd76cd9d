import type { GrowingBuffer } from './growing-buffer.ts';

/** A value with its Thrift type; structs are fields by id in ascending order, absent fields undefined. */
export type ThriftValue =
  | { readonly kind: 'i32' | 'i64'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'binary'; readonly value: Uint8Array }
  | { readonly kind: 'list'; readonly of: 'i32' | 'binary' | 'struct'; readonly value: readonly ThriftValue[] }
  | { readonly kind: 'struct'; readonly value: ThriftFields };
export type ThriftFields = Readonly<Record<number, ThriftValue | undefined>>;

const typeCodes = { true: 1, false: 2, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

export const i32 = (value: number): ThriftValue => ({ kind: 'i32', value });
export const i64 = (value: number): ThriftValue => ({ kind: 'i64', value });
export const bool = (value: boolean): ThriftValue => ({ kind: 'bool', value });
export const text = (value: string): ThriftValue => ({ kind: 'binary', value: Buffer.from(value) });
export const binary = (value: Uint8Array): ThriftValue => ({ kind: 'binary', value });
export const list = (of: 'i32' | 'binary' | 'struct', value: readonly ThriftValue[]): ThriftValue => ({ kind: 'list', of, value });
export const struct = (value: ThriftFields): ThriftValue => ({ kind: 'struct', value });

/** Writes a struct in Thrift's compact protocol (apache/thrift, doc/specs/thrift-compact-protocol.md). */
export function writeThrift(out: GrowingBuffer, fields: ThriftFields): void {
  let lastId = 0;
  for (const key of Object.keys(fields)) {
    const id = Number(key);
    const field = fields[id];
    if (field === undefined) continue;
    const code = field.kind === 'bool' ? (field.value ? typeCodes.true : typeCodes.false) : typeCodes[field.kind];
    const delta = id - lastId;
    if (delta <= 15) {
      out.byte((delta << 4) | code);
    } else {
      out.byte(code);
      out.zigzag(id);
    }
    lastId = id;
    writeValue(out, field);
  }
  out.byte(0);
}

function writeValue(out: GrowingBuffer, field: ThriftValue): void {
  switch (field.kind) {
    case 'bool':
      return; // in the type code
    case 'i32':
    case 'i64':
      out.zigzag(field.value);
      return;
    case 'binary':
      out.varint(field.value.length);
      out.append(field.value);
      return;
    case 'list':
      if (field.value.length < 15) {
        out.byte((field.value.length << 4) | typeCodes[field.of]);
      } else {
        out.byte(0xf0 | typeCodes[field.of]);
        out.varint(field.value.length);
      }
      for (const item of field.value) writeValue(out, item);
      return;
    case 'struct':
      writeThrift(out, field.value);
  }
}
