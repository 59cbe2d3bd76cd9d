import assert from 'node:assert';
import avro from 'avsc';
import { PlatformError } from '../errors.ts';

export interface RegisteredSchema {
  readonly schema: string;
  readonly type: 'AVRO' | 'JSON';
}

/** The text by which two schemas are the same: their JSON without white space, keys in the order written. */
export function canonicalSchema({ schema, type }: RegisteredSchema): string {
  return `${type} ${JSON.stringify(JSON.parse(schema))}`;
}

/** Asserts that a schema is one (a wrong one is the caller's mistake). */
export function checkSchema(subject: string, { schema, type }: RegisteredSchema): void {
  assert(/^[A-Za-z0-9._-]{1,249}$/.test(subject), `expected a subject of [A-Za-z0-9._-], found "${subject}"`);
  try {
    if (type === 'AVRO') typeOf(schema);
    else JSON.parse(schema);
  } catch (error) {
    assert.fail(`subject ${subject}: expected a schema of type ${type}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Throws `VERSION_MISMATCH` unless readers with the next schema understand what was written with the last one. */
export function checkBackward(subject: string, next: RegisteredSchema, last: RegisteredSchema): void {
  if (next.type !== last.type) {
    throw new PlatformError('VERSION_MISMATCH', `subject ${subject}: expected a schema of type ${last.type}, found ${next.type}`);
  }
  if (next.type !== 'AVRO') return;
  try {
    typeOf(next.schema).createResolver(typeOf(last.schema));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `subject ${subject}: the new schema can't read records of the last one (${describeChanges(last, next)}): ${why}`;
    throw new PlatformError('VERSION_MISMATCH', `${message}; give new fields a default, keep the types of old ones, or use another name`, { cause: error });
  }
}

/** What is different between two schemas of records, field by field, for messages. */
export function describeChanges(last: RegisteredSchema, next: RegisteredSchema): string {
  const before = fieldsOf(last);
  const after = fieldsOf(next);
  const changes: string[] = [];
  for (const [name, field] of after) {
    const old = before.get(name);
    if (old === undefined) changes.push(`new field "${name}" (${field})`);
    else if (old !== field) changes.push(`field "${name}" was ${old}, is ${field}`);
  }
  for (const name of before.keys()) if (!after.has(name)) changes.push(`field "${name}" is gone`);
  return changes.length === 0 ? 'no field differs' : changes.join(', ');
}

function fieldsOf({ schema }: RegisteredSchema): ReadonlyMap<string, string> {
  const { fields } = JSON.parse(schema) as { fields?: readonly { name: string; type: unknown; default?: unknown }[] };
  return new Map((fields ?? []).map((field) => [field.name, JSON.stringify(field.type) + ('default' in field ? '' : ' without a default')]));
}

function typeOf(schema: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(schema) as avro.Schema);
}
