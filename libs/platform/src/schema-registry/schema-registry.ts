/**
 * Schemas by number, as Confluent's registry has them: a message is `0x00`, the id as 4 bytes big-endian, then the Avro body.
 *
 * Callers rely on: (1) ids count from 1 and name one schema for ever; (2) the same schema (as JSON, whatever its white space)
 * always has the same id, under any subject and for any number of racing processes; (3) a subject's new AVRO schema can read what
 * its last one wrote (Confluent's BACKWARD), or it is refused with `VERSION_MISMATCH`; JSON schemas are not compared; (4) every call
 * ends: one without an answer fails with `TIMEOUT`, retriable, after the door's own bound (30 s by default); repeating it is harmless.
 */
export abstract class SchemaRegistry {
  /** The id of this schema, registered under the subject when it was new. Incompatible ones are refused (`VERSION_MISMATCH`). */
  abstract register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number>;
  abstract schemaById(id: number): Promise<{ readonly schema: string; readonly type: 'AVRO' | 'JSON' }>;
  abstract close(): Promise<void>;
}
