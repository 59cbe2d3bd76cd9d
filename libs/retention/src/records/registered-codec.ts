import type { Source } from '../sources/source.ts';
import { RecordCodec } from './record-codec.ts';

/** What a codec needs of a schema registry: the id of a schema under a subject, registered when it is new. */
export interface SchemaIds {
  register(subject: string, schema: string, type: 'AVRO'): Promise<number>;
}

/** The codec of `raw.<source>` with the id that the registry gives its schema, under the subject `raw.<source>-value`. */
export async function registeredCodec(source: Source, registry: SchemaIds): Promise<RecordCodec> {
  // The schema's text comes from the source alone; the id goes into every record.
  const { avroSchema } = new RecordCodec(source, 0);
  return new RecordCodec(source, await registry.register(`raw.${source.name}-value`, avroSchema, 'AVRO'));
}
