/**
 * Schemas by number, as Confluent's registry has them: a message is `0x00`, the id as 4 bytes big-endian, then the Avro body.
 * The same schema text under the same subject always gives the same id.
 */
export abstract class SchemaRegistry {
  /** The id of this schema, registered under the subject when it was new. Incompatible ones are refused (`VERSION_MISMATCH`). */
  abstract register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number>;
  abstract schemaById(id: number): Promise<{ readonly schema: string; readonly type: 'AVRO' | 'JSON' }>;
  abstract close(): Promise<void>;
}
