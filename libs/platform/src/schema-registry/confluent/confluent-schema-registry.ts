import http from 'node:http';
import https from 'node:https';
import { COMPATIBILITY, SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry';
import type { Address } from '../../address.ts';
import type { Login } from '../../configuration/configuration.ts';
import { PlatformError } from '../../errors.ts';
import { SchemaRegistry } from '../schema-registry.ts';
import { canonicalSchema, checkBackward, checkSchema, describeChanges, type RegisteredSchema } from '../schema-rules.ts';
import { isNotFound, readRegistryError } from './registry-error.ts';

type ClientSettings = ConstructorParameters<typeof Client>[0];
type ConfluentSchema = Parameters<Client['register']>[0];
type Middleware = NonNullable<ClientSettings['middlewares']>[number];

export interface ConfluentSchemaRegistryOptions {
  readonly login?: Login | undefined;
  /** How long one request may take, 10 s by default; it is then told, not repeated. */
  readonly timeoutMs?: number;
  /** How often a request is repeated when there is no connection or the server fails, 8 times in about 9 s by default. */
  readonly retries?: number;
}

// A subject that nobody has: asking for it shows that a registry answers.
const probe = 'tideline-probe';

/**
 * A server with Confluent's API (Confluent's own, Apicurio under `/apis/ccompat/v7`, Karapace). Subjects of AVRO schemas are set to
 * BACKWARD when they are made; the rule is checked here too, before anything is sent, because a server may be set to compare nothing.
 */
export class ConfluentSchemaRegistry extends SchemaRegistry {
  readonly #name: string;
  readonly #client: Client;
  readonly #agent: http.Agent;
  // A schema never changes once it has an id.
  readonly #schemas = new Map<number, RegisteredSchema>();
  readonly #registered = new Map<string, number>();

  private constructor({ setting, text, scheme }: Address, { login, timeoutMs = 10_000, retries = 8 }: ConfluentSchemaRegistryOptions) {
    super();
    this.#name = `${setting} ${text}`;
    this.#agent = scheme === 'https' ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
    this.#client = new Client(
      {
        host: text.replace(/\/+$/, ''),
        ...(login === undefined ? {} : { auth: { ...login } }),
        agent: this.#agent,
        // Every request may be repeated: the same schema under the same subject is the same id.
        retry: { enableRetry: () => true, retries, initialRetryTimeInSecs: 0.1, maxRetryTimeInSecs: 2, factor: 0.5 },
        middlewares: [keepTexts(this.#schemas, timeoutMs)],
      },
      // Schemas are only kept here, and its JSON Schema knows neither formats nor newer drafts.
      { [SchemaType.JSON]: { ajvInstance: { compile: () => () => true, addSchema: () => undefined } } } as ConstructorParameters<typeof Client>[1],
    );
  }

  /** Asks the server for something that it can't have, so that a wrong address or login is told at once. */
  static async open(address: Address, options: ConfluentSchemaRegistryOptions = {}): Promise<ConfluentSchemaRegistry> {
    const registry = new ConfluentSchemaRegistry(address, options);
    try {
      await registry.#latest(probe);
    } catch (error) {
      await registry.close();
      throw error;
    }
    return registry;
  }

  async register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number> {
    const next: RegisteredSchema = { schema: JSON.stringify(parseOrText(schema)), type };
    checkSchema(subject, next);
    const key = `${subject} ${canonicalSchema(next)}`;
    const known = this.#registered.get(key);
    if (known !== undefined) return known;
    const last = await this.#latest(subject);
    if (last !== undefined && !(await this.#isKnown(subject, next, last))) checkBackward(subject, next, last);
    const id = await this.#register(subject, next, last);
    this.#registered.set(key, id);
    this.#schemas.set(id, next);
    return id;
  }

  async schemaById(id: number): Promise<RegisteredSchema> {
    const known = this.#schemas.get(id);
    if (known !== undefined) return known;
    const missing = `${this.#name}: no schema with id ${id}`;
    if (!Number.isSafeInteger(id) || id < 1) throw new PlatformError('NOT_FOUND', missing);
    try {
      await this.#client.getSchema(id);
    } catch (error) {
      if (isNotFound(error)) throw new PlatformError('NOT_FOUND', missing, { cause: error });
      throw readRegistryError(error, this.#name, `read the schema ${id}`);
    }
    const found = this.#schemas.get(id);
    if (found === undefined) throw new PlatformError('CORRUPT', `${this.#name}: expected schema ${id} of type AVRO or JSON, found another`);
    return found;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  async #latest(subject: string): Promise<RegisteredSchema | undefined> {
    let id: unknown;
    try {
      id = await this.#client.getLatestSchemaId(subject);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw readRegistryError(error, this.#name, `read the last schema of ${subject}`);
    }
    if (typeof id !== 'number') throw new PlatformError('ADDRESS_INVALID', `${this.#name}: expected a schema registry there, found another server; check the address and its path`);
    return this.schemaById(id);
  }

  /** Whether the subject has this schema already, as any of its versions. */
  async #isKnown(subject: string, next: RegisteredSchema, last: RegisteredSchema): Promise<boolean> {
    if (canonicalSchema(next) === canonicalSchema(last)) return true;
    if (next.type !== last.type) return false;
    try {
      await this.#client.getRegistryIdBySchema(subject, confluentSchema(next));
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw readRegistryError(error, this.#name, `look for a schema of ${subject}`);
    }
  }

  async #register(subject: string, next: RegisteredSchema, last: RegisteredSchema | undefined): Promise<number> {
    const doing = `register the ${next.type} schema of ${subject}`;
    let compatibility = COMPATIBILITY.BACKWARD;
    for (let tries = 0; ; tries++) {
      try {
        const { id } = await this.#client.register(confluentSchema(next), { subject, compatibility, updateConfig: next.type === 'AVRO' });
        return id;
      } catch (error) {
        if (tries === 5) throw readRegistryError(error, this.#name, doing);
        const level = levelOf(error);
        if (level === undefined) {
          if (!lostRaceForRule(error)) throw readRegistryError(error, this.#name, doing, last === undefined ? '' : `; against its last version: ${describeChanges(last, next)}`);
          await new Promise((resolve) => setTimeout(resolve, 50 * (1 + Math.random())));
        } else if (next.type === 'JSON' || holdsBackward.has(level)) {
          // The client takes no other level than the one it is told, but a stricter one is as good, and JSON is the server's affair.
          compatibility = level as COMPATIBILITY;
        } else if (level === 'NONE') {
          // No rule of its own: another process made the subject and has not set it yet, or died before it could.
          await this.#setBackward(subject);
        } else {
          const advice = `set it to BACKWARD (PUT ${this.#name.replace(/^\S+ /, '')}/config/${subject})`;
          throw new PlatformError('SETTING_INVALID', `${this.#name}: expected the compatibility BACKWARD for the subject ${subject}, found ${level}; ${advice}`, { cause: error });
        }
      }
    }
  }

  // The client sets a rule only for subjects that it makes itself.
  async #setBackward(subject: string): Promise<void> {
    try {
      await this.#client['api'].Subject.updateConfig({ subject, body: { compatibility: COMPATIBILITY.BACKWARD } });
    } catch (error) {
      if (!lostRaceForRule(error)) throw readRegistryError(error, this.#name, `set the compatibility of ${subject}`);
    }
  }
}

const holdsBackward: ReadonlySet<string> = new Set(['BACKWARD', 'BACKWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE']);

/** The level that the client found where it was told another. */
function levelOf(error: unknown): string | undefined {
  return /\(\w+ != (\w+)\)/.exec(error instanceof Error ? error.message : '')?.[1];
}

function lostRaceForRule(error: unknown): boolean {
  const { status, url } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown; url?: unknown };
  return status === 409 && typeof url === 'string' && url.includes('/config/');
}

function confluentSchema({ schema, type }: RegisteredSchema): ConfluentSchema {
  return type === 'AVRO' ? { type: SchemaType.AVRO, schema } : { type: SchemaType.JSON, schema };
}

// What is no JSON is refused by `checkSchema`, with the subject.
function parseOrText(schema: string): unknown {
  try {
    return JSON.parse(schema);
  } catch {
    return undefined;
  }
}

// The client keeps parsed schemas, which have lost the attributes that Avro does not know: the texts are kept as they pass.
function keepTexts(schemas: Map<number, RegisteredSchema>, timeoutMs: number): Middleware {
  return () => ({
    prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }),
    response: async (next) => {
      const response = await next();
      const id = /\/schemas\/ids\/(\d+)$/.exec(response.request().path())?.[1];
      const { schema, schemaType = 'AVRO' } = response.data<{ schema?: unknown; schemaType?: unknown }>();
      if (id !== undefined && typeof schema === 'string' && (schemaType === 'AVRO' || schemaType === 'JSON')) {
        schemas.set(Number(id), { schema, type: schemaType });
      }
      return response;
    },
  });
}
