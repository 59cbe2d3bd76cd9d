import { Faults, type FaultChances } from '../faults/faults.ts';
import { SchemaRegistry } from './schema-registry.ts';

/** Another registry seen through a bad network, on purpose. Closing never fails. */
export class UnreliableSchemaRegistry extends SchemaRegistry {
  readonly #inner: SchemaRegistry;
  readonly #faults: Faults;

  constructor(inner: SchemaRegistry, faults: FaultChances | Faults) {
    super();
    this.#inner = inner;
    this.#faults = faults instanceof Faults ? faults : new Faults(faults);
  }

  register(subject: string, schema: string, type: 'AVRO' | 'JSON'): Promise<number> {
    return this.#faults.around(`register a schema of ${subject}`, () => this.#inner.register(subject, schema, type));
  }

  schemaById(id: number): ReturnType<SchemaRegistry['schemaById']> {
    return this.#faults.around(`get schema ${id}`, () => this.#inner.schemaById(id), { reads: true });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
