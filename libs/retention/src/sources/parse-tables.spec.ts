// Goal: schema.yaml with several tables becomes one checked record, and every kind of mistake in it is told where it stands. Method: a small source
// written here, and the same with one thing wrong each; existing sources keep the versions that their states and tables carry.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSource } from './parse-source.ts';
import type { Source } from './source.ts';
import { fileSource } from './source-tables.ts';

const SCHEMA = `source: shop
entity: customer
time: happened_at
tile: 1d
lateness: 1d
tables:
  people:
    kind: snapshot
    valid_from: since
    format: { kind: delimited, separator: ',', header: true, time_format: iso }
    columns:
      customer: { type: int }
      since: { type: timestamp }
      city: { type: string }
  orders:
    kind: events
    format: { kind: delimited, separator: ';', header: true, time_format: unix-seconds }
    columns:
      customer: { type: int, field: who }
      happened_at: { type: timestamp, field: at }
      paid: { type: 'decimal(9,2)' }
    derived:
      is_large: { type: boolean, formula: paid > 100 }
    rejects:
      - { when: paid < 0, reason: negative }
  calls:
    kind: events
    lateness: 2h
    format: { kind: delimited, separator: ',', header: true, time_format: iso }
    columns:
      customer: { type: int }
      happened_at: { type: timestamp }
      minutes: { type: int, nullable: true }
`;
const FEATURES = `conditions:
  large: is_large
population: { from: people }
aggregates:
  orders_7d: { count: true, from: orders, window: 7d }
  paid_7d: { sum: paid, where: large, window: 7d }
  talked: { sum: minutes, window: 7d }
  town: { last: city, from: people }
  last_call: { last: happened_at, from: calls }
features:
  orders: orders_7d
  paid_large: paid_7d
  talk: talked
  from_here: case when town = 'here' then 1 else 0 end
  silence: days_between(last_call, as_of)
reward: coalesce(cast(paid as double), 0.0)
action: _table
`;
const MODELS = `target: churn
task: classification
label: { absence_of: any, from: orders, within: 7d }
as_of: { every: 7d, anchor: 2026-01-01, history: 7d }
features: [orders, talk]
models:
  baseline: { kind: one-feature, feature: orders }
`;
const DEPLOYMENT = 'partitions: 1\ngate: { metric: rocAuc, at_least: 0.5 }\n';

type Part = 'schema' | 'features' | 'models';
const texts: Readonly<Record<Part, string>> = { schema: SCHEMA, features: FEATURES, models: MODELS };

function parse(part?: Part, from = '', to = ''): ReturnType<typeof parseSource> {
  const file = (name: Part): { path: string; text: string } => {
    if (name === part) expect(texts[name]).toContain(from);
    return { path: `${name}.yaml`, text: name === part ? texts[name].replace(from, to) : texts[name] };
  };
  return parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: { path: 'deployment.yaml', text: DEPLOYMENT } });
}

describe('parseTables', () => {
  const source = parse().source as Source;

  it('makes one record of all tables', () => {
    expect(parse().problems).toEqual([]);
    expect(source.columns.map(({ name, nullable }) => `${name}${nullable ? '?' : ''}`)).toEqual(['_table', 'customer', 'happened_at', 'since?', 'city?', 'paid?', 'minutes?']);
    expect(source.columns[0]!.allowed).toEqual(['people', 'orders', 'calls']);
    expect(source.derived).toEqual([{ name: 'is_large', type: { name: 'boolean' }, formula: "case when _table = 'orders' then (paid > 100) end" }]);
    expect(source.rejects).toEqual([{ when: "_table = 'orders' and (paid < 0)", reason: 'negative' }]);
    expect(source.tables?.map(({ name, latenessMs }) => [name, latenessMs])).toEqual([['people', 0], ['orders', 86_400_000], ['calls', 7_200_000]]);
  });

  it('tells of which table an entry is, named or by its columns', () => {
    const where = Object.fromEntries(source.features.aggregates.map((aggregate) => [aggregate.name, aggregate.where]));
    expect(where).toEqual({ orders_7d: "_table = 'orders'", paid_7d: "_table = 'orders' and (is_large)", talked: "_table = 'calls'" });
    expect(source.features.attributes).toEqual([
      { name: 'town', of: 'city', from: 'people', where: "_table = 'people'" }, { name: 'last_call', of: 'happened_at', from: 'calls', where: "_table = 'calls'" },
    ]);
    expect(source.features.population).toEqual({ where: undefined, windowMs: 0, from: 'people' });
    expect(source.models.label).toMatchObject({ where: "_table = 'orders'" });
  });

  it('reads a file as its own table has it', () => {
    const orders = fileSource(source, 'orders');
    expect(orders.columns.map(({ field }) => field)).toEqual(['who', 'at', 'paid']);
    expect(orders.format.separator).toBe(';');
    expect(fileSource(source, 'people').time).toBeUndefined();
    expect(() => fileSource(source, 'nothing')).toThrow(/expected a table of shop \(people, orders, calls\), found nothing/);
  });

  it.each<[string, Part, string, string, RegExp]>([
    ['a kind that is none', 'schema', 'kind: snapshot', 'kind: snapshots', /schema.yaml:8:11 kind: expected one of events, snapshot, found 'snapshots'; did you mean snapshot\?/],
    ['no events at all', 'schema', SCHEMA.slice(SCHEMA.indexOf('  orders:')), '', /tables: expected at least one with kind: events, found none/],
    ['a table called rejects', 'schema', '  calls:', '  rejects:', /expected a table's name in lower case with underscores other than rejects, found 'rejects'/],
    ['a table without the entity', 'schema', 'customer: { type: int, field: who }', 'buyer: { type: int, field: who }', /orders: expected the entity's column customer, found none; where the file calls it otherwise, give it a field/],
    ['events without the time', 'schema', 'happened_at: { type: timestamp, field: at }', 'at: { type: timestamp }', /orders: expected the timestamp column happened_at, found none/],
    ['a snapshot table with the time', 'schema', 'since: { type: timestamp }', 'happened_at: { type: timestamp }', /people: expected no column happened_at in a snapshot table/],
    ['a column of two tables', 'schema', 'minutes: { type: int, nullable: true }', 'paid: { type: int }', /calls: expected a column name that no other table has, found paid \(of orders\)/],
    ['entities of two types', 'schema', 'customer: { type: int, field: who }', 'customer: { type: string, field: who }', /orders: expected customer of one type in all tables, found string and int/],
    ['valid_from that is no time', 'schema', 'valid_from: since', 'valid_from: city', /valid_from: expected a timestamp column that is not nullable, found city \(string\)/],
    ['valid_from of events', 'schema', '    lateness: 2h', '    valid_from: happened_at', /calls: unknown key valid_from/],
    ['an unknown key', 'schema', 'tile: 1d', 'tile: 1d\ncolumn: 3', /schema.yaml:5:1 the file: unknown key column/],
    ['a count of no table in particular', 'features', 'count: true, from: orders, window: 7d', 'count: true, window: 7d', /expected from with the table that is meant \(people, orders, calls\), found none/],
    ['a table that is not there', 'features', 'from: orders', 'from: order', /from: expected one of people, orders, calls, found 'order'; did you mean orders\?/],
    ['a window over a snapshot table', 'features', '{ last: city, from: people }', '{ last: city, from: people, window: 7d }', /expected a table of events, found the snapshot table people; read its newest row by \{ last: column \} without a window/],
    ['columns of another table', 'features', 'sum: minutes, window', 'sum: minutes, where: large, window', /expected columns of the table calls, found is_large/],
    ['an aggregate other than last without a window', 'features', '{ sum: minutes, window: 7d }', '{ sum: minutes }', /expected the key window/],
    ['a label of no table', 'models', 'absence_of: any, from: orders', 'absence_of: any', /expected from with the table that is meant/],
  ])('refuses %s', (_, part, from, to, message) => {
    const problems = parse(part, from, to).problems.map(({ path, line, column, message: text }) => `${path}:${line}:${column} ${text}`);
    expect(problems.join('\n')).toMatch(message);
  });

  it('follows the tables in the version, and leaves that of other sources alone', () => {
    const version = (part: Part, from: string, to: string): string | undefined => parse(part, from, to).source?.version;
    const changed = [version('schema', 'lateness: 2h', 'lateness: 3h'), version('schema', '    valid_from: since\n', ''), version('features', 'last: city', 'last: since')];
    expect(new Set([source.version, ...changed]).size).toBe(changed.length + 1);
    expect(version('schema', "separator: ';'", "separator: '|'")).toBe(source.version);
    const file = (name: string) => ({ path: name, text: readFileSync(resolve(import.meta.dirname, `../../../../sources/user-behavior/${name}.yaml`), 'utf8') });
    const single = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') }).source;
    expect(single?.tables).toBeUndefined();
    expect(single?.features.attributes).toBeUndefined();
  });
});
