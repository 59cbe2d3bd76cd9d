import type { SchemaRegistry } from '#tideline/platform';
import { RecordCodec, type Source } from '#tideline/retention';

/** The codec of `raw.<source>` under the id that the registry gives its schema (subject `<topic>-value`, as Confluent's clients name it). */
export async function registeredCodec(source: Source, registry: SchemaRegistry): Promise<RecordCodec> {
  const { avroSchema } = new RecordCodec(source, 0);
  return new RecordCodec(source, await registry.register(`raw.${source.name}-value`, avroSchema, 'AVRO'));
}
