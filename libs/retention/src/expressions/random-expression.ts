import type { Scope } from './typed-tree.ts';

/** Draws uniformly from [0, 1). */
export type Draw = () => number;

/** mulberry32: a small seeded generator for tests and samples. */
export function seededDraw(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Kind = 'integer' | 'double' | 'boolean' | 'string' | 'timestamp' | 'date';

/** Columns that random expressions use: every type, with room for nulls. */
export const RANDOM_SCOPE: Scope = {
  i: { name: 'int' }, j: { name: 'int' }, g: { name: 'bigint' }, m: { name: 'decimal', precision: 10, scale: 3 }, n: { name: 'decimal', precision: 7, scale: 6 },
  x: { name: 'double' }, y: { name: 'double' }, b: { name: 'boolean' }, c: { name: 'boolean' }, s: { name: 'string' }, u: { name: 'string' },
  t: { name: 'timestamp' }, v: { name: 'timestamp' }, w: { name: 'date' },
  li: { name: 'list', of: { name: 'int' } }, lg: { name: 'list', of: { name: 'bigint' } }, ld: { name: 'list', of: { name: 'decimal', precision: 9, scale: 2 } },
};

/**
 * Writes random well-typed expressions over `RANDOM_SCOPE`. With `smooth` it uses ln, exp and power near the root and nothing that
 * jumps above them, so that a tolerance makes sense.
 */
export class RandomExpression {
  readonly #draw: Draw;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  any(depth: number): string {
    return this.of(this.#pick(['integer', 'double', 'boolean', 'string', 'timestamp', 'date'] as const), depth);
  }

  of(kind: Kind, depth: number): string {
    if (depth <= 0 || this.#draw() < 0.15) return this.#leaf(kind);
    switch (kind) {
      case 'integer': return this.#integer(depth - 1);
      case 'double': return this.#double(depth - 1);
      case 'boolean': return this.#boolean(depth - 1);
      case 'string': return this.#string(depth - 1);
      case 'timestamp': return this.#choice('timestamp', depth - 1, () => this.#pick([`date_trunc('${this.#pick(['day', 'hour'])}', ${this.of('timestamp', depth - 1)})`, `cast(${this.of('date', depth - 1)} as timestamp)`]));
      case 'date': return this.#choice('date', depth - 1, () => `cast(${this.of('timestamp', depth - 1)} as date)`);
    }
  }

  smooth(): string {
    const inner = this.of('double', 1);
    return this.#pick([`ln(${inner})`, `exp(${inner})`, `power(${inner}, ${this.of('double', 1)})`, `ln(abs(${inner}) + 1) * ${this.of('double', 1)}`, `exp(0 - abs(${inner})) / 3`]);
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#draw() * items.length)];
  }

  #leaf(kind: Kind): string {
    switch (kind) {
      case 'integer': return this.#pick(['i', 'j', 'g', 'i', 'j', '0', '1', '(-1)', '2', '7', '2147483647', '9007199254740991', '(-9007199254740991)', String(Math.floor(this.#draw() * 100))]);
      case 'double': return this.#pick(['x', 'y', 'm', 'n', 'x', 'm', '0.1', '0.5', '2.5', '(-1.5)', '1.0', '0.0', '1000000.0', '0.000001', this.#draw().toFixed(4)]);
      case 'boolean': return this.#pick(['b', 'c', 'b', 'c', 'true', 'false']);
      case 'string': return this.#pick(['s', 'u', 's', 'u', "''", "'a'", "'Ab%'", "'é'", "'😀b'", "'it''s'", "'12'", "'-7'", "'\\'"]);
      case 'timestamp': return this.#pick(['t', 'v', "timestamp '2011-09-09 00:00:00'", "timestamp '1969-12-31 23:59:59.5'"]);
      case 'date': return this.#pick(['w', "date '2012-02-29'", "date '1970-01-01'"]);
    }
  }

  #number(depth: number): string {
    return this.of(this.#draw() < 0.5 ? 'integer' : 'double', depth);
  }

  /** A form that every kind has, or `special`. */
  #choice(kind: Kind, depth: number, special: () => string): string {
    if (this.#draw() < 0.55) return special();
    const value = (): string => this.of(kind, depth);
    const form = Math.floor(this.#draw() * (kind === 'boolean' ? 4 : 6));
    switch (form) {
      case 0: return `coalesce(${value()}, ${value()})`;
      case 1: return `nullif(${value()}, ${value()})`;
      case 2: return `case when ${this.of('boolean', depth)} then ${value()} when ${this.of('boolean', depth)} then ${value()}${this.#draw() < 0.5 ? '' : ` else ${this.#draw() < 0.2 ? 'null' : value()}`} end`;
      case 3: {
        const subject = this.#pick(['integer', 'string'] as const);
        return `case ${this.of(subject, depth)} when ${this.of(subject, depth)} then ${value()} else ${value()} end`;
      }
      case 4: return `least(${value()}, ${value()}, ${value()})`;
      default: return `greatest(${value()}, ${value()})`;
    }
  }

  #integer(depth: number): string {
    const operand = (): string => this.of('integer', depth);
    return this.#choice('integer', depth, () => this.#pick([
      () => `(${operand()} ${this.#pick(['+', '-', '*', '%'])} ${operand()})`,
      () => `(${operand()} ${this.#pick(['+', '-', '*', '%'])} ${operand()})`,
      () => `(- (${operand()}))`, () => `abs(${operand()})`, () => `round(${operand()}, 1)`,
      () => `length(${this.of('string', depth)})`, () => `hour(${this.of('timestamp', depth)})`,
      () => `day_of_week(${this.of(this.#pick(['timestamp', 'date'] as const), depth)})`,
      () => `cast(${this.#number(depth)} as ${this.#pick(['int', 'bigint'])})`,
      () => `cast(${this.of(this.#pick(['string', 'boolean'] as const), depth)} as ${this.#pick(['int', 'bigint'])})`,
      () => `list_count(${this.#pick(['li', 'lg', 'ld'])})`, () => `list_sum(${this.#pick(['li', 'lg'])})`, () => `${this.#pick(['list_min', 'list_max'])}(${this.#pick(['li', 'lg'])})`,
    ])());
  }

  #double(depth: number): string {
    return this.#choice('double', depth, () => this.#pick([
      () => `(${this.#number(depth)} ${this.#pick(['+', '-', '*'])} ${this.of('double', depth)})`,
      () => `(${this.#number(depth)} / ${this.#number(depth)})`,
      () => `(${this.of('double', depth)} % ${this.#number(depth)})`,
      () => `(- (${this.of('double', depth)}))`,
      () => `${this.#pick(['abs', 'floor', 'ceil', 'round', 'sqrt'])}(${this.of('double', depth)})`,
      () => `round(${this.of('double', depth)}, ${Math.floor(this.#draw() * 5)})`,
      () => `days_between(${this.of(this.#pick(['timestamp', 'date'] as const), depth)}, ${this.of('timestamp', depth)})`,
      () => `cast(${this.of(this.#pick(['integer', 'string'] as const), depth)} as double)`,
      () => `${this.#pick(['list_sum', 'list_min', 'list_max'])}(ld)`,
    ])());
  }

  #boolean(depth: number): string {
    return this.#choice('boolean', depth, () => this.#pick([
      () => this.#comparison(depth), () => this.#comparison(depth), () => this.#comparison(depth),
      () => `(${this.of('boolean', depth)} ${this.#pick(['and', 'or'])} ${this.of('boolean', depth)})`,
      () => `(${this.of('boolean', depth)} ${this.#pick(['and', 'or'])} ${this.of('boolean', depth)})`,
      () => `(not ${this.of('boolean', depth)})`,
      () => `((${this.of('boolean', depth)}) ${this.#pick(['is null', 'is not null', 'is true', 'is not false', 'is false'])})`,
      () => `((${this.of(this.#pick(['integer', 'double', 'string', 'timestamp'] as const), depth)}) is ${this.#pick(['', 'not '])}null)`,
      () => `(${this.#pick(['s', 'u', this.of('string', depth)])} ${this.#pick(['', 'not '])}like '${this.#pick(['a%', '%b', '%a%', '_', '%', 'Ab\\%', 'a_%b', '', '%é_'])}')`,
      () => `starts_with(${this.#pick(['s', 'u', this.of('string', depth)])}, ${this.of('string', depth)})`,
      () => `cast(${this.of(this.#pick(['integer', 'string'] as const), depth)} as boolean)`,
    ])());
  }

  #comparison(depth: number): string {
    const kind = this.#pick(['integer', 'double', 'string', 'timestamp', 'date', 'number'] as const);
    const side = (): string => kind === 'number' ? this.#number(depth) : this.of(kind, depth);
    const form = this.#draw();
    if (form < 0.6) return `(${side()} ${this.#pick(['=', '<>', '<', '<=', '>', '>='])} ${side()})`;
    if (form < 0.8) return `(${side()} ${this.#pick(['', 'not '])}in (${side()}, ${side()}${this.#draw() < 0.3 ? ', null' : ''}))`;
    return `(${side()} ${this.#pick(['', 'not '])}between ${side()} and ${side()})`;
  }

  #string(depth: number): string {
    const text = (): string => this.of('string', depth);
    return this.#choice('string', depth, () => this.#pick([
      () => `(${text()} || ${text()})`, () => `(cast(${this.of('integer', depth)} as string) || '-' || ${text()})`,
      () => `lower(${text()})`, () => `upper(${text()})`, () => `substring(${text()}, ${1 + Math.floor(this.#draw() * 3)})`,
      () => `substring(${text()}, abs(${this.of('integer', depth)}), ${this.of('integer', depth)})`,
      () => `cast(${this.of(this.#pick(['integer', 'boolean'] as const), depth)} as string)`,
    ])());
  }
}
