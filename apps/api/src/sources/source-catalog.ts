import type { Source } from '#tideline/retention';
import { nearestName } from '../entities/nearest-name.ts';
import { Problem } from '../problems/problem.ts';

/** The sources that this installation knows, by name. */
export class SourceCatalog {
  readonly #byName: ReadonlyMap<string, Source>;
  readonly #synthetic: ReadonlySet<string>;

  constructor(sources: readonly Source[], synthetic: readonly string[] = []) {
    this.#byName = new Map(sources.map((source) => [source.name, source]));
    this.#synthetic = new Set(synthetic);
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  get all(): readonly Source[] {
    return [...this.#byName.values()];
  }

  isSynthetic(name: string): boolean {
    return this.#synthetic.has(name);
  }

  find(name: string): Source | undefined {
    return this.#byName.get(name);
  }

  /** The source, or a 404 problem that names the nearest known one. */
  expect(name: string): Source {
    const source = this.#byName.get(name);
    if (source !== undefined) return source;
    const nearest = nearestName(name, this.names);
    throw new Problem(404, 'unknown-source', 'No such source', `expected a source (${this.names.join(', ')}), found ${JSON.stringify(name)}`, nearest === undefined ? {} : { nearest });
  }
}
