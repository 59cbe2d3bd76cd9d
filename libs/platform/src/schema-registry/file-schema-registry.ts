import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PlatformError } from '../errors.ts';
import { lockWhenFree } from '../file-lock/file-lock.ts';
import { makeFolder, StagingFolder } from '../file-system/durable-files.ts';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';
import { SchemaRegistry } from './schema-registry.ts';
import { canonicalSchema, checkBackward, checkSchema, type RegisteredSchema } from './schema-rules.ts';

/**
 * Schemas as JSON files: `ids/<id>.json` holds a schema, `subjects/<subject>.json` the ids of its versions, oldest first. A lock
 * lets one process register at a time; a schema without a subject (its writer died in between) is found again by its text.
 */
export class FileSchemaRegistry extends SchemaRegistry {
  readonly #root: string;
  readonly #staging: StagingFolder;
  // A schema never changes once it has an id.
  readonly #schemas = new Map<number, RegisteredSchema>();
  readonly #registered = new Map<string, number>();

  private constructor(root: string) {
    super();
    this.#root = resolve(root);
    this.#staging = new StagingFolder(join(this.#root, '.tmp'));
  }

  static async open(root: string): Promise<FileSchemaRegistry> {
    const registry = new FileSchemaRegistry(root);
    await makeFolder(join(registry.#root, 'ids'));
    await makeFolder(join(registry.#root, 'subjects'));
    await registry.#staging.clean(Date.now());
    return registry;
  }

  async register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number> {
    const next = { schema, type };
    checkSchema(subject, next);
    const key = `${subject} ${canonicalSchema(next)}`;
    const known = this.#registered.get(key);
    if (known !== undefined) return known;
    const lock = await lockWhenFree(join(this.#root, 'registry.lock'), `the schema registry ${this.#root}`, 10_000);
    try {
      const id = await this.#registerLocked(subject, next);
      this.#registered.set(key, id);
      return id;
    } finally {
      lock.release();
    }
  }

  async schemaById(id: number): Promise<RegisteredSchema> {
    const known = this.#schemas.get(id);
    if (known !== undefined) return known;
    const path = join(this.#root, 'ids', `${id}.json`);
    const found = Number.isInteger(id) ? ((await readJson(path)) as RegisteredSchema | undefined) : undefined;
    if (found === undefined) throw new PlatformError('NOT_FOUND', `no schema with id ${id} in ${this.#root}`);
    if (typeof found.schema !== 'string' || (found.type !== 'AVRO' && found.type !== 'JSON')) {
      throw new PlatformError('CORRUPT', `${path}: expected {"type", "schema"}, found something else`);
    }
    this.#schemas.set(id, found);
    return found;
  }

  async close(): Promise<void> {}

  async #registerLocked(subject: string, next: RegisteredSchema): Promise<number> {
    const subjectPath = join(this.#root, 'subjects', `${subject}.json`);
    const versions = ((await readJson(subjectPath)) as { ids: number[] } | undefined)?.ids ?? [];
    const ids = await this.#allIds();
    const known = await this.#idOf(canonicalSchema(next), ids);
    if (known !== undefined && versions.includes(known)) return known;
    const last = versions.at(-1);
    if (last !== undefined) checkBackward(subject, next, await this.schemaById(last));
    const id = known ?? (ids.at(-1) ?? 0) + 1;
    if (known === undefined) await this.#write(join(this.#root, 'ids', `${id}.json`), { type: next.type, schema: next.schema });
    await this.#write(subjectPath, { ids: [...versions, id] });
    return id;
  }

  async #allIds(): Promise<readonly number[]> {
    const names = await readdir(join(this.#root, 'ids'));
    return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
  }

  async #idOf(canonical: string, ids: readonly number[]): Promise<number | undefined> {
    for (const id of ids) if (canonicalSchema(await this.schemaById(id)) === canonical) return id;
    return undefined;
  }

  async #write(path: string, content: unknown): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(content, undefined, 1)}\n`);
    await this.#staging.publish(await this.#staging.write(bytes, path), path);
  }
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileSystemError(error, 'read', path);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlatformError('CORRUPT', `${path}: expected JSON, found something else`, { cause: error });
  }
}
