import type { CallNode, Operation, Scalar, TypedNode } from './typed-tree.ts';
import {
  bytesEqual, bytesInclude, compareText, greatestText, leastText, lengthOf, likeMatcher, lowerAscii,
  parseBoolean, parseDouble, parseInteger, substringOf, upperAscii,
} from './text-operations.ts';

type ColumnNode = Extract<TypedNode, { op: 'column' }>;

/** The bytes of a string column at the current row, as JavaScript expressions. */
export interface ByteRange {
  readonly bytes: string;
  readonly start: string;
  readonly end: string;
  /** Undefined when no row is null. */
  readonly isNull: string | undefined;
}

/** Where generated code finds the values of columns. Numbers are NaN where null, texts null. */
export interface Leaves {
  number(node: ColumnNode): string;
  text(node: ColumnNode): string;
  bytes?(node: ColumnNode): ByteRange;
  /** Values array, start and end of the row's elements; `isNull` as in `ByteRange`. */
  list?(node: ColumnNode): { values: string; start: string; end: string; isNull: string | undefined; scale: number };
}

/**
 * Writes the JavaScript of typed trees: every value becomes one `const` (shared when the same code comes twice), numbers are NaN
 * where null, so that arithmetic and comparisons follow three-valued logic by themselves; a boolean is a pair of tests,
 * "is true" and "is false". Names of columns never enter the code: leaves give positions, texts are constants by number.
 */
export class JavaScriptWriter {
  readonly lines: string[] = [];
  readonly constants: unknown[] = [];
  readonly #leaves: Leaves;
  readonly #named = new Map<string, string>();
  /** Writers ask for a node several times; without these the work would double at every level. */
  readonly #values = new Map<TypedNode, string>();
  readonly #tests = { true: new Map<TypedNode, string>(), false: new Map<TypedNode, string>() };

  constructor(leaves: Leaves) {
    this.#leaves = leaves;
  }

  /** Name of a value that the generated function receives in its array of constants. */
  constant(value: unknown): string {
    const known = this.constants.indexOf(value);
    return `K[${known >= 0 ? known : this.constants.push(value) - 1}]`;
  }

  /** The node's value as a JavaScript expression without side effects: a number or, for strings, a string or null. */
  value(node: TypedNode): string {
    const known = this.#values.get(node) ?? this.#write(node);
    this.#values.set(node, known);
    return known;
  }

  #write(node: TypedNode): string {
    if (node.op === 'literal') return node.value === null && node.type === 'string' ? 'null' : this.#literal(node.value);
    if (node.op === 'column') return this.name(node.type === 'string' ? this.#leaves.text(node) : this.#leaves.number(node));
    if (node.type === 'boolean' && !CHOICES.has(node.op)) {
      const [yes, no] = [this.isTrue(node), this.isFalse(node)];
      return this.name(`(${yes}) ? 1 : (${no}) ? 0 : NaN`);
    }
    const write = VALUES[node.op];
    if (write === undefined) throw new TypeError(`expected an operation with a value, found ${node.op}`);
    return this.name(write(this, node));
  }

  /** Gives code a name, so that it is computed once a row. */
  name(code: string): string {
    if (/^[\w$]+$/.test(code)) return code;
    const known = this.#named.get(code);
    if (known !== undefined) return known;
    const name = `t${this.#named.size}`;
    this.#named.set(code, name);
    this.lines.push(`const ${name} = ${code};`);
    return name;
  }

  /** Statements that must run before `result` can be named, written once per key. */
  block(key: string, result: string, lines: readonly string[]): string {
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    this.#named.set(key, result);
    this.lines.push(...lines);
    return result;
  }

  get nextName(): string {
    return `t${this.#named.size}`;
  }

  isTrue(node: TypedNode): string {
    return this.#test(node, true);
  }

  isFalse(node: TypedNode): string {
    return this.#test(node, false);
  }

  isNull(node: TypedNode): string {
    if (node.op === 'literal') return String(node.value === null);
    const range = node.op === 'column' && node.type === 'string' ? this.bytes(node) : undefined;
    if (range !== undefined) return range.isNull ?? 'false';
    if (node.op === 'column' && node.type === 'list') return this.list(node).isNull ?? 'false';
    const value = this.value(node);
    return node.type === 'string' ? `${value} === null` : `${value} !== ${value}`;
  }

  bytes(node: TypedNode): ByteRange | undefined {
    return node.op === 'column' && node.type === 'string' ? this.#leaves.bytes?.(node) : undefined;
  }

  list(node: TypedNode): ReturnType<NonNullable<Leaves['list']>> {
    const list = node.op === 'column' ? this.#leaves.list?.(node) : undefined;
    if (list === undefined) throw new TypeError('expected a batch: list columns have no scalar value');
    return list;
  }

  #literal(value: Scalar): string {
    if (value === null) return 'NaN';
    if (typeof value === 'string') return this.constant(value);
    if (typeof value === 'boolean') return value ? '1' : '0';
    return value < 0 ? `(${value})` : String(value);
  }

  #test(node: TypedNode, wanted: boolean): string {
    const tests = this.#tests[`${wanted}`];
    const known = tests.get(node) ?? this.#writeTest(node, wanted);
    tests.set(node, known);
    return known;
  }

  #writeTest(node: TypedNode, wanted: boolean): string {
    if (node.op === 'literal') return String(node.value === wanted);
    const test = node.op === 'column' ? undefined : TESTS[node.op];
    if (test !== undefined) return test(this, node as CallNode, wanted);
    return `${this.value(node)} === ${wanted ? 1 : 0}`;
  }
}

type ValueWriter = (w: JavaScriptWriter, node: CallNode) => string;
type TestWriter = (w: JavaScriptWriter, node: CallNode, wanted: boolean) => string;

const CHOICES: ReadonlySet<Operation | 'column' | 'literal'> = new Set(['case', 'coalesce', 'nullif', 'integerToBoolean', 'textToBoolean']);

function infix(operator: string): ValueWriter {
  return (w, { args: [a, b] }) => `${w.value(a)} ${operator} ${w.value(b)}`;
}

/** `+ 0` turns minus zero into zero; a sum of values without minus zero has none. */
function unsigned(operator: string): ValueWriter {
  return (w, { args: [a, b] }) => `${w.value(a)} ${operator} ${w.value(b)} + 0`;
}

function wrap(before: string, after = ')'): ValueWriter {
  return (w, { args: [a] }) => `${before}${w.value(a)}${after}`;
}

function through(f: (...args: never[]) => unknown): ValueWriter {
  return (w, { args }) => `${w.constant(f)}(${args.map((arg) => w.value(arg)).join(', ')})`;
}

function fold(numberStep: (a: string, b: string) => string, textStep: (a: string | null, b: string | null) => string | null): ValueWriter {
  return (w, node) => {
    const values = node.args.map((arg) => w.value(arg));
    return values.reduce((a, b) => node.type === 'string' ? `${w.constant(textStep)}(${a}, ${b})` : numberStep(w.name(a), w.name(b)));
  };
}

function listFold(start: string, step: (element: string, so: string) => string, end: (so: string, scale: number) => string): ValueWriter {
  return (w, node) => {
    const list = w.list(node.args[0]);
    const name = w.nextName;
    const key = `${node.op} ${node.text ?? ''} ${list.values} ${list.start}`;
    const so = w.block(key, name, [
      `let ${name} = ${list.isNull === undefined ? start : `${list.isNull} ? NaN : ${start}`};`,
      `for (let j = ${list.start}, e = ${list.end}; j < e; j++) ${step(`${list.values}[j]`, name)}`,
    ]);
    return end(so, list.scale);
  };
}

/** Elements of 32 bits: no sum of a list's elements leaves the exact range. */
function sumsStayExact(list: TypedNode): boolean {
  const of = list.op === 'column' && list.column.name === 'list' ? list.column.of : undefined;
  return of?.name === 'int' || (of?.name === 'decimal' && of.precision <= 9);
}

const sumOfInts = listFold('0', (x, so) => `${so} += ${x};`, (so, scale) => scaled(so, scale));

/** Sums halves of 26 bits apart, so that the total is exact wherever it is in range, whatever the sums on the way. */
function sumOfBigints(w: JavaScriptWriter, node: CallNode): string {
  const high = listFold('0', (x, so) => `${so} += Math.floor(${x} / 67108864);`, (so) => so)(w, { ...node, text: 'high' });
  const low = listFold('0', (x, so) => `${so} += ${x} - Math.floor(${x} / 67108864) * 67108864;`, (so) => so)(w, { ...node, text: 'low' });
  const total = w.name(`${high} * 67108864 + ${low}`);
  const { scale } = w.list(node.args[0]);
  return `Math.abs(${total}) <= ${Number.MAX_SAFE_INTEGER} ? ${scaled(total, scale)} : NaN`;
}

const scaled = (value: string, scale: number): string => scale === 0 ? value : `${value} / ${10 ** scale}`;

const VALUES: Partial<Record<Operation, ValueWriter>> = {
  add: infix('+'), subtract: infix('-'), multiply: unsigned('*'),
  divide: (w, { args: [a, b] }) => `${w.value(b)} === 0 ? NaN : ${w.value(a)} / ${w.value(b)} + 0`,
  remainder: unsigned('%'),
  negate: wrap('0 - ', ''),
  finite: (w, { args: [a] }) => `Math.abs(${w.value(a)}) <= ${Number.MAX_VALUE} ? ${w.value(a)} : NaN`,
  safe: (w, { args: [a] }) => `Math.abs(${w.value(a)}) <= ${Number.MAX_SAFE_INTEGER} ? ${w.value(a)} : NaN`,
  narrow: (w, { args: [a] }) => `${w.value(a)} >= -2147483648 && ${w.value(a)} <= 2147483647 ? ${w.value(a)} : NaN`,
  toDouble: wrap('', ''), toBigint: wrap('', ''),
  truncate: wrap('Math.trunc(', ') + 0'),
  abs: wrap('Math.abs('), floor: wrap('Math.floor('), ceil: wrap('Math.ceil(', ') + 0'),
  round: (w, { args: [a], digits = 0 }) => {
    const size = `Math.floor(Math.abs(${w.value(a)}) * ${10 ** digits} + 0.5)`;
    return `(${w.value(a)} < 0 ? 0 - ${size} : ${size}) / ${10 ** digits}`;
  },
  sqrt: wrap('Math.sqrt(', ') + 0'),
  ln: (w, { args: [a] }) => `${w.value(a)} > 0 ? Math.log(${w.value(a)}) : NaN`,
  exp: wrap('Math.exp('),
  // Math.pow(NaN, 0) is 1, but null to any power is null.
  power: (w, { args: [a, b] }) => `${w.value(a)} === ${w.value(a)} ? Math.pow(${w.value(a)}, ${w.value(b)}) + 0 : NaN`,
  least: fold((a, b) => `${a} !== ${a} || ${b} < ${a} ? (${b} !== ${b} ? ${a} : ${b}) : ${a}`, leastText),
  greatest: fold((a, b) => `${a} !== ${a} || ${b} > ${a} ? (${b} !== ${b} ? ${a} : ${b}) : ${a}`, greatestText),
  coalesce: (w, node) => node.args.map((arg) => w.value(arg)).reduceRight((rest, a) => node.type === 'string' ? `${a} !== null ? ${a} : (${rest})` : `${a} === ${a} ? ${a} : (${rest})`),
  nullif: (w, node) => `(${TESTS.eq?.(w, node, true)}) ? ${node.type === 'string' ? 'null' : 'NaN'} : ${w.value(node.args[0])}`,
  case: (w, node) => {
    let code = w.value(node.args[node.args.length - 1]);
    for (let k = node.args.length - 3; k >= 0; k -= 2) code = `(${w.isTrue(node.args[k])}) ? ${w.value(node.args[k + 1])} : (${code})`;
    return code;
  },
  concat: (w, { args }) => {
    const values = args.map((arg) => w.value(arg));
    const nulls = args.map((arg) => w.isNull(arg)).filter((test) => test !== 'false');
    return nulls.length === 0 ? values.join(' + ') : `${nulls.join(' || ')} ? null : ${values.join(' + ')}`;
  },
  lower: through(lowerAscii), upper: through(upperAscii), length: through(lengthOf),
  substring: (w, { args }) => `${w.constant(substringOf)}(${w.value(args[0])}, ${w.value(args[1])}, ${args[2] === undefined ? 'Infinity' : w.value(args[2])})`,
  integerToText: (w, { args: [a] }) => `${w.value(a)} === ${w.value(a)} ? String(${w.value(a)}) : null`,
  booleanToText: (w, { args: [a] }) => `(${w.isTrue(a)}) ? "true" : (${w.isFalse(a)}) ? "false" : null`,
  textToBigint: through(parseInteger), textToDouble: through(parseDouble), textToBoolean: through(parseBoolean),
  booleanToInt: wrap('', ''),
  integerToBoolean: (w, { args: [a] }) => `${w.value(a)} === ${w.value(a)} ? (${w.value(a)} === 0 ? 0 : 1) : NaN`,
  dateToTimestamp: wrap('', ' * 86400000'),
  timestampToDate: wrap('Math.floor(', ' / 86400000)'),
  daysBetween: (w, { args: [a, b] }) => `(${w.value(b)} - ${w.value(a)}) / 86400000`,
  hour: (w, { args: [a] }) => `Math.floor(${w.value(a)} / 3600000) - Math.floor(${w.value(a)} / 86400000) * 24`,
  dayOfWeek: (w, { args: [a] }) => {
    const day = a.type === 'date' ? w.value(a) : w.name(`Math.floor(${w.value(a)} / 86400000)`);
    return `((${day} + 4) % 7 + 7) % 7`;
  },
  dateTrunc: (w, { args: [a], text }) => `Math.floor(${w.value(a)} / ${text === 'day' ? 86_400_000 : 3_600_000}) * ${text === 'day' ? 86_400_000 : 3_600_000}`,
  listCount: (w, { args: [a] }) => {
    const list = w.list(a);
    return list.isNull === undefined ? `${list.end} - ${list.start}` : `${list.isNull} ? NaN : ${list.end} - ${list.start}`;
  },
  listSum: (w, node) => (sumsStayExact(node.args[0]) ? sumOfInts : sumOfBigints)(w, node),
  listMin: listFold('Infinity', (x, so) => `if (${x} < ${so}) ${so} = ${x};`, (so, scale) => `${so} === Infinity ? NaN : ${scaled(so, scale)}`),
  listMax: listFold('-Infinity', (x, so) => `if (${x} > ${so}) ${so} = ${x};`, (so, scale) => `${so} === -Infinity ? NaN : ${scaled(so, scale)}`),
};

/** Comparison of two sides by numbers, by bytes against a literal, or by text. */
function compare(whenTrue: string, whenFalse: string): TestWriter {
  return (w, { args: [a, b] }, wanted) => {
    const operator = wanted ? whenTrue : whenFalse;
    if (a.type !== 'string') {
      if (operator !== '!==') return `${w.value(a)} ${operator} ${w.value(b)}`;
      // `!==` alone would take NaN, that is null, for different.
      return `(${w.value(a)} < ${w.value(b)} || ${w.value(a)} > ${w.value(b)})`;
    }
    const equality = operator === '===' || operator === '!==';
    const [column, text] = b.op === 'literal' ? [a, b] : [b, a];
    if (equality && text.op === 'literal' && typeof text.value === 'string') {
      const range = w.bytes(column);
      if (range !== undefined) return byteTest(w, range, text.value, 'equal', operator === '===');
    }
    const order = w.name(`${w.constant(compareText)}(${w.value(a)}, ${w.value(b)})`);
    return operator === '!==' ? `(${order} < 0 || ${order} > 0)` : `${order} ${operator} 0`;
  };
}

const INLINE_BYTES_MAX = 12;

/** A test of a byte range against a literal's bytes; short ones compare byte by byte in place. */
function byteTest(w: JavaScriptWriter, range: ByteRange, text: string, how: 'equal' | 'prefix' | 'suffix' | 'inside', wanted: boolean): string {
  const needle = new Uint8Array(Buffer.from(text, 'utf8'));
  const { bytes, end } = range;
  const start = how === 'suffix' ? w.name(`${range.end} - ${needle.length}`) : range.start;
  const fits = how === 'equal' ? `${end} - ${range.start} === ${needle.length}` : `${end} - ${range.start} >= ${needle.length}`;
  let same: string;
  if (how === 'inside') same = `${w.constant(bytesInclude)}(${bytes}, ${start}, ${end}, ${w.constant(needle)})`;
  else if (needle.length > INLINE_BYTES_MAX) same = `${fits} && ${w.constant(bytesEqual)}(${bytes}, ${start}, ${w.constant(needle)})`;
  else same = [fits, ...Array.from(needle, (byte, k) => `${bytes}[${start} + ${k}] === ${byte}`)].join(' && ');
  const test = wanted ? `(${same})` : `!(${same})`;
  return range.isNull === undefined ? test : `(!(${range.isNull}) && ${test})`;
}

function both(w: JavaScriptWriter, args: readonly TypedNode[], wanted: boolean, joined: '&&' | '||'): string {
  return `(${args.map((arg) => `(${wanted ? w.isTrue(arg) : w.isFalse(arg)})`).join(` ${joined} `)})`;
}

const LIKE_SHAPE = /^(%*)([^%_]*)(%*)$/;

const TESTS: Partial<Record<Operation | 'literal', TestWriter>> = {
  eq: compare('===', '!=='), ne: compare('!==', '==='),
  lt: compare('<', '>='), le: compare('<=', '>'), gt: compare('>', '<='), ge: compare('>=', '<'),
  and: (w, { args }, wanted) => both(w, args, wanted, wanted ? '&&' : '||'),
  or: (w, { args }, wanted) => both(w, args, wanted, wanted ? '||' : '&&'),
  not: (w, { args: [a] }, wanted) => wanted ? w.isFalse(a) : w.isTrue(a),
  isNull: (w, { args: [a] }, wanted) => a.type === 'boolean' && a.op !== 'literal'
    ? w.name(wanted ? `!(${w.isTrue(a)}) && !(${w.isFalse(a)})` : `(${w.isTrue(a)}) || (${w.isFalse(a)})`)
    : wanted ? w.isNull(a) : `!(${w.isNull(a)})`,
  isTrue: (w, { args: [a] }, wanted) => wanted ? w.isTrue(a) : `!(${w.isTrue(a)})`,
  isFalse: (w, { args: [a] }, wanted) => wanted ? w.isFalse(a) : `!(${w.isFalse(a)})`,
  in: (w, node, wanted) => {
    const tests = node.args.slice(1).map((item) => item.op === 'literal' && item.value === null ? 'false'
      : `(${TESTS.eq?.(w, { ...node, args: [node.args[0], item] }, wanted)})`);
    return `(${tests.join(wanted ? ' || ' : ' && ')})`;
  },
  like: (w, { args: [a], text = '' }, wanted) => {
    const shape = LIKE_SHAPE.exec(text);
    const range = w.bytes(a);
    if (shape !== null && range !== undefined) {
      const [before, after] = [shape[1] !== '', shape[3] !== ''];
      const how = before && after ? 'inside' : shape[2] === '' && before ? 'prefix' : before ? 'suffix' : after ? 'prefix' : 'equal';
      return byteTest(w, range, shape[2], how, wanted);
    }
    const value = w.value(a);
    return `(${value} !== null && ${wanted ? '' : '!'}${w.constant(likeMatcher(text))}(${value}))`;
  },
  startsWith: (w, { args: [a, b] }, wanted) => {
    const range = w.bytes(a);
    if (range !== undefined && b.op === 'literal' && typeof b.value === 'string') return byteTest(w, range, b.value, 'prefix', wanted);
    const [text, prefix] = [w.value(a), w.value(b)];
    return `(${text} !== null && ${prefix} !== null && ${wanted ? '' : '!'}${text}.startsWith(${prefix}))`;
  },
};
