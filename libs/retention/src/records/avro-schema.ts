import type { Source } from '../sources/source.ts';
import type { ColumnType, ScalarType } from './columns.ts';
import { isNarrow } from './physical-form.ts';

/** What Avro calls a type of the schema language. */
type AvroType = string | { readonly [property: string]: string | number | AvroType };

/**
 * Schema (JSON text) of the records on a source's topic: its columns in order. Decimals travel as the integers that they are in
 * memory, with the properties `precision` and `scale`; Avro's own decimal would be bytes and slower to read for everybody.
 */
export function avroSchemaOf(source: Source): string {
  const fields = source.columns.map((column) => {
    const type = avroType(column.type);
    const doc = column.description === '' ? {} : { doc: column.description };
    return { name: column.name, type: column.nullable ? ['null', type] : type, ...doc, ...(column.nullable ? { default: null } : {}) };
  });
  return JSON.stringify({ type: 'record', name: source.name.replaceAll('-', '_'), namespace: 'tideline.raw', doc: source.title, fields });
}

function avroType(type: ColumnType): AvroType {
  return type.name === 'list' ? { type: 'array', items: scalarType(type.of) } : scalarType(type);
}

function scalarType(type: ScalarType): AvroType {
  switch (type.name) {
    case 'int':
      return 'int';
    case 'bigint':
      return 'long';
    case 'decimal':
      return { type: isNarrow(type) ? 'int' : 'long', precision: type.precision, scale: type.scale };
    case 'timestamp':
      return { type: 'long', logicalType: 'timestamp-millis' };
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'double':
    case 'boolean':
    case 'string':
      return type.name;
  }
}
