/** Feature definitions drawn at random, as YAML and as the naive twin takes them, for specs alone. */
import type { WrittenKind } from '../sources/compose-aggregate.ts';
import { type NaiveDefinition, type NaiveRecord, naiveValueAsOf, naiveValueOfLast } from './naive-windows.ts';

type Draw = () => number;

/** What definitions may be drawn of. */
export interface DrawnFrom {
  /** Columns that sums take, with the power of ten of their integers. */
  readonly numbers: readonly { readonly name: string; readonly unit: number }[];
  /** Those whose squares add up exactly. */
  readonly squared: readonly { readonly name: string; readonly unit: number }[];
  readonly texts: readonly { readonly name: string; readonly like: string }[];
  /** Names of conditions. */
  readonly conditions: readonly string[];
  /** Windows are so many tiles at most, written with the unit, which is that long; without it they are records. */
  readonly longest: number;
  readonly tile: { readonly written: string; readonly ms: number; readonly gaps: readonly { readonly written: string; readonly ms: number }[] } | undefined;
}

/** Drawn features: lines of `aggregates` and of `features`, and every feature's value from its definition. */
export interface DrawnFeatures {
  readonly aggregates: string;
  readonly features: string;
  readonly names: readonly string[];
  /** In the order of `names`; NaN is null. */
  expected(records: readonly NaiveRecord[], entity: string, asOfMs: number): number[];
}

interface Drawn {
  readonly yaml: string;
  readonly definition: NaiveDefinition;
  readonly isText: boolean;
  /** Text that a feature of a text looks for. */
  readonly like: string;
  readonly length: number;
}

type Value = (records: readonly NaiveRecord[], entity: string, asOfMs: number) => number | string | null;

const UNITS = [['seconds', 1000], ['minutes', 60_000], ['hours', 3_600_000], ['days', 86_400_000]] as const;
const ALWAYS: readonly WrittenKind[] = ['count', 'sum', 'mean', 'min', 'max', 'distinct', 'first', 'last', 'lag', 'sequence'];
const TIMED: readonly WrittenKind[] = ['time_since', 'duration', 'sessions'];
const OF_TEXT: readonly WrittenKind[] = ['distinct', 'first', 'last', 'lag', 'sequence'];
const OF_SESSIONS: readonly WrittenKind[] = ['count', 'sum', 'mean', 'min', 'max'];

const pick = <T>(draw: Draw, items: readonly T[]): T => items[Math.floor(draw() * items.length)];
const upTo = (draw: Draw, most: number): number => 1 + Math.floor(draw() * most);

/** `count` aggregates with a feature or more each; some features are ratios and rates of change. */
export function drawFeatures(draw: Draw, count: number, from: DrawnFrom): DrawnFeatures {
  const drawn = Array.from({ length: count }, () => drawAggregate(draw, from));
  const lines: string[] = [];
  const names: string[] = [];
  const values: Value[] = [];
  const add = (name: string, line: string, ...own: readonly Value[]): void => {
    lines.push(`  ${name}: ${line}`);
    own.forEach((value, k) => {
      names.push(own.length > 1 || line.startsWith('{ sequence') ? `${name}_${k + 1}` : name);
      values.push(value);
    });
  };
  drawn.forEach(({ definition, isText, like, length }, k) => {
    const name = `f${k}`;
    const back = (n: number): Value => valueOf({ ...definition, kind: 'lag', back: n });
    if (definition.kind === 'sequence' && !isText) add(name, `{ sequence: a${k} }`, ...Array.from({ length }, (_, i) => back(i + 1)));
    else if (definition.kind === 'sequence') add(name, `case when sequence_at(a${k}, ${length}) = '${like}' then 1 else 0 end`, isLike(back(length), like));
    else if (isText) add(name, `case when a${k} = '${like}' then 1 else 0 end`, isLike(valueOf(definition), like));
    else add(name, `a${k}`, valueOf(definition));
    const other = Math.floor(draw() * count);
    if (isText || definition.kind === 'sequence' || draw() < 0.5) return;
    if (draw() < 0.5 && !drawn[other].isText && drawn[other].definition.kind !== 'sequence') {
      add(`r${k}`, `{ ratio: [a${k}, a${other}] }`, ratioOf(valueOf(definition), valueOf(drawn[other].definition)));
    } else addRate(draw, k, definition, from, add);
  });
  const expected = (records: readonly NaiveRecord[], entity: string, asOfMs: number): number[] => values.map((value) => Number(value(records, entity, asOfMs) ?? NaN));
  return { aggregates: drawn.map(({ yaml }, k) => `  a${k}: ${yaml}`).join('\n'), features: lines.join('\n'), names, expected };
}

function addRate(draw: Draw, k: number, definition: NaiveDefinition, { longest, tile }: DrawnFrom, add: (name: string, line: string, value: Value) => void): void {
  const least = tile === undefined ? 1 : Math.max(1, Math.ceil((definition.sessionMs ?? 0) / tile.ms));
  // A tumbling window keeps its width, so that what lies before as-of stays whole windows.
  const over = definition.tumbling === true ? (definition.windowMs ?? 0) / (tile?.ms ?? 1) : Math.max(least, upTo(draw, longest));
  const offset = tile === undefined ? definition.offsetRecords ?? 0 : (definition.offsetMs ?? 0) / tile.ms;
  const windowAt = (by: number): Partial<NaiveDefinition> =>
    tile === undefined ? { windowRecords: over, offsetRecords: offset + by } : { windowMs: over * tile.ms, offsetMs: (offset + by) * tile.ms };
  const placed = (by: number): Value => valueOf({ ...definition, ...windowAt(by) });
  const [now, before] = [placed(0), placed(over)];
  const change: Value = (...at) => {
    const [a, b] = [now(...at), before(...at)];
    return typeof a !== 'number' || typeof b !== 'number' || b === 0 ? null : (a - b) / b;
  };
  add(`g${k}`, `{ rate_of_change: { of: a${k}, over: ${over}${tile?.written ?? ' records'} } }`, change);
}

function valueOf(definition: NaiveDefinition): Value {
  return (records, entity, asOfMs) => definition.windowMs === undefined ? naiveValueOfLast(records, entity, definition) : naiveValueAsOf(records, entity, definition, asOfMs);
}

function isLike(value: Value, like: string): Value {
  return (...at) => value(...at) === like ? 1 : 0;
}

function ratioOf(a: Value, b: Value): Value {
  return (...at) => {
    const [over, under] = [a(...at), b(...at)];
    return typeof over !== 'number' || typeof under !== 'number' || under === 0 ? null : over / under;
  };
}

function drawAggregate(draw: Draw, from: DrawnFrom): Drawn {
  const { tile } = from;
  const kind = pick(draw, [...ALWAYS, ...(tile === undefined ? [] : [...TIMED, ...TIMED]), ...(from.squared.length === 0 ? [] : ['stddev' as const])]);
  const isText = OF_TEXT.includes(kind) && from.texts.length > 0 && draw() < 0.5;
  const text = isText ? pick(draw, from.texts) : undefined;
  const column = text ?? pick(draw, kind === 'stddev' ? from.squared : kind === 'sum' || kind === 'mean' ? [...from.numbers, ...from.squared] : from.numbers);
  const hasColumn = !['count', 'time_since', 'duration', 'sessions'].includes(kind);
  const where = draw() < 0.5 ? pick(draw, from.conditions) : undefined;
  const length = upTo(draw, 4);
  const since = draw() < 0.5 ? 'first' as const : 'last' as const;
  const [unit, unitMs] = pick(draw, UNITS);
  const finishUnit = kind === 'time_since' || kind === 'duration' ? unitMs : !hasColumn || kind === 'distinct' ? 1 : 'unit' in column ? column.unit : 1;
  const window = drawWindow(draw, kind, from);
  const argument: Readonly<Partial<Record<WrittenKind, string>>> = { count: 'true', duration: 'true', time_since: since, sessions: window.gap };
  const options = [
    `${kind}: ${argument[kind] ?? column.name}`, ...(where === undefined ? [] : [`where: ${where}`]), ...window.written, ...(kind === 'lag' ? [`records: ${length}`] : []),
    ...(kind === 'sequence' ? [`length: ${length}`] : []), ...(kind === 'time_since' || kind === 'duration' ? [`unit: ${unit}`] : []),
  ];
  return {
    yaml: `{ ${options.join(', ')} }`, isText: isText && kind !== 'distinct', like: text?.like ?? '', length,
    definition: { kind, of: hasColumn ? column.name : undefined, where, unit: finishUnit, since, ...window.definition, ...(kind === 'lag' ? { back: length } : {}) },
  };
}

interface DrawnWindow {
  readonly written: readonly string[];
  readonly gap: string;
  readonly definition: Pick<NaiveDefinition, 'windowMs' | 'windowRecords' | 'offsetMs' | 'offsetRecords' | 'tumbling' | 'sessionMs'>;
}

function drawWindow(draw: Draw, kind: WrittenKind, { longest, tile }: DrawnFrom): DrawnWindow {
  const window = Math.ceil(draw() ** 2 * longest) || 1;
  const offset = draw() < 0.3 ? upTo(draw, longest >> 1) : 0;
  if (tile === undefined) {
    const written = [`window: ${window} records`, ...(offset === 0 ? [] : [`offset: ${offset} records`])];
    return { written, gap: '', definition: { windowMs: undefined, windowRecords: window, ...(offset === 0 ? {} : { offsetRecords: offset }) } };
  }
  const tumbling = draw() < 0.25;
  const offsetTiles = tumbling && offset > 0 ? window : offset;
  const ofSessions = kind === 'duration' || kind === 'sessions' || (OF_SESSIONS.includes(kind) && draw() < 0.3);
  const gaps = tile.gaps.filter(({ ms }) => ms <= window * tile.ms);
  const gap = pick(draw, gaps);
  const written = [
    `${tumbling ? 'tumbling' : 'window'}: ${window}${tile.written}`, ...(offsetTiles === 0 ? [] : [`offset: ${offsetTiles}${tile.written}`]),
    ...(ofSessions && kind !== 'sessions' ? [`session: ${gap.written}`] : []),
  ];
  const definition = {
    windowMs: window * tile.ms, windowRecords: undefined, ...(offsetTiles === 0 ? {} : { offsetMs: offsetTiles * tile.ms }), ...(tumbling ? { tumbling: true as const } : {}),
    ...(ofSessions ? { sessionMs: gap.ms } : {}),
  };
  return { written, gap: gap.written, definition };
}
