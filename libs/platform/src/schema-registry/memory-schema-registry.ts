import { PlatformError } from '../errors.ts';
import { SchemaRegistry } from './schema-registry.ts';
import { canonicalSchema, checkBackward, checkSchema, type RegisteredSchema } from './schema-rules.ts';

/** Schemas in this process's memory: for tests and short runs. */
export class MemorySchemaRegistry extends SchemaRegistry {
  readonly #schemas: RegisteredSchema[] = [];
  readonly #ids = new Map<string, number>();
  readonly #subjects = new Map<string, number[]>();

  async register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number> {
    const next = { schema, type };
    checkSchema(subject, next);
    const canonical = canonicalSchema(next);
    const known = this.#ids.get(canonical);
    const versions = this.#subjects.get(subject) ?? [];
    if (known !== undefined && versions.includes(known)) return known;
    const last = versions.at(-1);
    if (last !== undefined) checkBackward(subject, next, this.#schemas[last - 1]);
    const id = known ?? this.#schemas.push(next);
    this.#ids.set(canonical, id);
    this.#subjects.set(subject, [...versions, id]);
    return id;
  }

  async schemaById(id: number): Promise<RegisteredSchema> {
    const found = this.#schemas[id - 1];
    if (found === undefined) throw new PlatformError('NOT_FOUND', `no schema with id ${id}`);
    return found;
  }

  async close(): Promise<void> {}
}
