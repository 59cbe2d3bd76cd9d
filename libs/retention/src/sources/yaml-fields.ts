import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { suggest } from '../expressions/suggest.ts';
import { parseDuration } from './duration.ts';

/** One YAML file: the path that messages name, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A mistake in a file, at a line and column counted from 1; the message says what was expected and what found. */
export interface Problem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A file being read; mistakes gather in `problems`, so that one reading reports them all. */
export class OpenFile {
  readonly problems: Problem[];
  readonly path: string;
  readonly #lines = new LineCounter();
  readonly #root: Node | null;

  constructor(file: SourceFile, problems: Problem[]) {
    this.path = file.path;
    this.problems = problems;
    const document = parseDocument(file.text, { lineCounter: this.#lines });
    for (const error of document.errors) this.report(error.pos[0], (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''));
    this.#root = document.errors.length === 0 ? document.contents : null;
  }

  report(at: number | Node | null | undefined, message: string): void {
    const { line, col } = this.#lines.linePos(typeof at === 'number' ? at : at?.range?.[0] ?? 0);
    this.problems.push({ path: this.path, line, column: Math.max(col, 1), message });
  }

  /** Whether the top-level map has a key. */
  holds(key: string): boolean {
    return isMap(this.#root) && this.#root.has(key);
  }

  /** The file's top-level map, or undefined when there is none. */
  root(): Fields | undefined {
    if (isMap(this.#root)) return new Fields(this, this.#root as YAMLMap<Node, Node | null>, 'the file');
    if (this.problems.every((problem) => problem.path !== this.path)) this.report(0, `expected keys with values, found ${describe(this.#root)}`);
    return undefined;
  }
}

/** A named entry of a map, for messages at its key and its value. */
export interface Entry {
  readonly name: string;
  readonly key: Node;
  readonly value: Node | null;
}

/** What was found, as messages say it. */
export function describe(node: Node | null | undefined): string {
  if (isScalar(node)) return node.value === null ? 'nothing' : `'${node.source ?? String(node.value)}'`;
  return isMap(node) ? 'a map' : isSeq(node) ? 'a list' : node === null || node === undefined ? 'nothing' : 'an alias';
}

/**
 * A map whose keys are asked for one by one; `close` refuses every key that nobody asked for. Getters return undefined for an
 * absent key and, after reporting, for a wrong value; the `need` forms report absence too.
 */
export class Fields {
  readonly file: OpenFile;
  readonly map: YAMLMap<Node, Node | null>;
  readonly #what: string;
  readonly #asked = new Set<string>();

  constructor(file: OpenFile, map: YAMLMap<Node, Node | null>, what: string) {
    this.file = file;
    this.map = map;
    this.#what = what;
  }

  entries(): Entry[] {
    return this.map.items.map((pair: Pair<Node, Node | null>) => ({
      name: isScalar(pair.key) ? String((pair.key as Scalar).source ?? pair.key.value) : '', key: pair.key, value: pair.value,
    }));
  }

  node(key: string): Node | undefined {
    this.#asked.add(key);
    return this.entries().find((entry) => entry.name === key)?.value ?? undefined;
  }

  has(key: string): boolean {
    return this.node(key) !== undefined;
  }

  /** Where to report something about a key: its value, or the map when absent. */
  at(key: string): Node {
    return this.node(key) ?? this.map;
  }

  text(key: string): string | undefined {
    return this.#scalar(key, 'text', (scalar) => typeof scalar.value === 'string' ? scalar.value : undefined);
  }

  /** Text of any scalar as it is written: formulas such as `1` or `true` are YAML numbers and booleans. */
  source(key: string): string | undefined {
    return this.#scalar(key, 'an expression', scalarSource);
  }

  number(key: string, [least, most]: readonly [number, number] = [-Infinity, Infinity]): number | undefined {
    const range = least === -Infinity ? 'a number' : `a number from ${least} to ${most}`;
    return this.#scalar(key, range, ({ value }) => typeof value === 'number' && value >= least && value <= most ? value : undefined);
  }

  integer(key: string, [least, most]: readonly [number, number]): number | undefined {
    return this.#scalar(key, `an integer from ${least} to ${most}`, ({ value }) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? value as number : undefined);
  }

  /** A list of at most `most` numbers, each within the bounds. */
  numbers(key: string, [least, largest]: readonly [number, number], most: number, isInteger: boolean): number[] | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    const kind = isInteger ? 'integers' : 'numbers';
    const expected = `a list of at most ${most} ${kind} from ${least} to ${largest}`;
    if (!isSeq(node) || node.items.length > most) {
      this.file.report(node, `${key}: expected ${expected}, found ${isSeq(node) ? `${node.items.length} of them` : describe(node)}`);
      return undefined;
    }
    const fits = (item: unknown): boolean => isScalar(item) && typeof item.value === 'number' && item.value >= least && item.value <= largest && (!isInteger || Number.isInteger(item.value));
    const wrong = node.items.find((item) => !fits(item)) as Node | undefined;
    if (wrong === undefined) return node.items.map((item) => (item as Scalar<number>).value);
    this.file.report(wrong, `${key}: expected ${expected}, found ${describe(wrong)}`);
    return undefined;
  }

  boolean(key: string): boolean | undefined {
    return this.#scalar(key, 'true or false', ({ value }) => typeof value === 'boolean' ? value : undefined);
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    const value = isScalar(node) ? String(node.value) : '';
    if ((choices as readonly string[]).includes(value)) return value as T;
    const hint = suggest(value, choices);
    this.file.report(node, `${key}: expected one of ${choices.join(', ')}, found ${describe(node)}${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    return undefined;
  }

  /** A duration such as `5m` in ms. */
  duration(key: string): number | undefined {
    return this.#scalar(key, 'a duration such as 30s, 5m, 12h, 7d', (scalar) => parseDuration(scalarSource(scalar) ?? ''));
  }

  /** A moment such as 2011-09-09 or 2011-09-09T06:00:00Z in ms. */
  moment(key: string): number | undefined {
    return this.#scalar(key, 'a date such as 2011-09-09 or 2011-09-09T06:00:00Z', (scalar) => {
      const text = scalarSource(scalar) ?? '';
      if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$/.test(text)) return undefined;
      const ms = Date.parse(text);
      return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text.slice(0, 10) ? undefined : ms;
    });
  }

  /** A list of scalars as they are written, each with its node. */
  texts(key: string): { text: string; node: Node }[] | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    const items = isSeq(node) ? node.items.map((item) => ({ text: isScalar(item) ? scalarSource(item) : undefined, node: item as Node })) : undefined;
    const wrong = items?.find((item) => item.text === undefined);
    if (items === undefined || wrong !== undefined) {
      this.file.report(wrong?.node ?? node, `${key}: expected a list of names, found ${describe(wrong?.node ?? node)}`);
      return undefined;
    }
    return items as { text: string; node: Node }[];
  }

  child(key: string): Fields | undefined {
    const node = this.node(key);
    return node === undefined ? undefined : asFields(this.file, key, node);
  }

  /** Entries of a list of maps. */
  children(key: string): Fields[] {
    const node = this.node(key);
    if (node === undefined) return [];
    if (!isSeq(node)) {
      this.file.report(node, `${key}: expected a list, found ${describe(node)}`);
      return [];
    }
    return node.items.map((item) => asFields(this.file, key, item as Node)).filter((fields) => fields !== undefined);
  }

  /** Reports a key that must be there; use before the getter. */
  need(...keys: readonly string[]): this {
    for (const key of keys) {
      if (!this.has(key)) this.file.report(this.map, `${this.#what}: expected the key ${key}, found ${this.entries().map((entry) => entry.name).join(', ') || 'nothing'}`);
    }
    return this;
  }

  /** Refuses keys that nobody asked for. */
  close(): void {
    for (const { name, key } of this.entries()) {
      if (this.#asked.has(name)) continue;
      const hint = suggest(name, [...this.#asked]);
      this.file.report(key, `${this.#what}: unknown key ${name}; ${hint === undefined ? `expected one of ${[...this.#asked].join(', ')}` : `did you mean ${hint}?`}`);
    }
  }

  #scalar<T>(key: string, expected: string, read: (scalar: Scalar) => T | undefined): T | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    const value = isScalar(node) ? read(node) : undefined;
    if (value === undefined) this.file.report(node, `${key}: expected ${expected}, found ${describe(node)}`);
    return value;
  }
}

export function asFields(file: OpenFile, what: string, node: Node | null): Fields | undefined {
  if (isMap(node)) return new Fields(file, node as YAMLMap<Node, Node | null>, what);
  file.report(node, `${what}: expected keys with values, found ${describe(node)}`);
  return undefined;
}

/** A scalar's text as written, without quotes; undefined for nothing. */
export function scalarSource(scalar: Scalar): string | undefined {
  return scalar.value === null ? undefined : (scalar.source ?? String(scalar.value)).trim();
}
