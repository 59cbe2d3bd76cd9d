import { randomUUID } from 'node:crypto';
import type { ObjectStore } from '#tideline/platform';
import { Table, type LakeEnvironment } from './table.ts';

const buckets = ['bronze', 'silver', 'gold'];

/** All tables on one object store. Opening one does no I/O; ask `exists`, or make it by `ensure`. */
export class Lake {
  readonly store: ObjectStore;
  readonly #environment: LakeEnvironment;
  readonly #tables = new Map<string, Table>();

  /** Tests hand in a clock and names; otherwise those of the machine. */
  constructor(store: ObjectStore, environment: Partial<LakeEnvironment> = {}) {
    this.store = store;
    this.#environment = { now: Date.now, newId: randomUUID, ...environment };
  }

  /** `silver.alibaba` is the folder `silver/alibaba`: a bucket and a name of lower-case letters, digits and underscores. */
  table(name: string): Table {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const [, bucket, rest] = /^([a-z]+)\.([a-z][a-z0-9_]*)$/.exec(name) ?? [];
    if (bucket === undefined || !buckets.includes(bucket)) {
      throw new RangeError(`expected a table name like silver.alibaba (bronze, silver or gold; letters, digits, _), found "${name}"`);
    }
    const table = new Table(this.store, name, `${bucket}/${rest}`, this.#environment);
    this.#tables.set(name, table);
    return table;
  }

  /** Tables that exist, by name. */
  async tables(): Promise<Table[]> {
    const found: Table[] = [];
    for (const bucket of buckets) {
      for await (const { key } of this.store.list(`${bucket}/_tables/`)) {
        const table = this.table(`${bucket}.${key.slice(key.lastIndexOf('/') + 1)}`);
        if (await table.exists()) found.push(table);
      }
    }
    return found;
  }
}
