// Goal: a validated load says what it must, and every mistake in it is told where it stands. Method: the ledger's own files with one edit.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSource } from './parse-source.ts';

const FOLDER = resolve(import.meta.dirname, '../../../../sources/ledger');

function parse(load: string): ReturnType<typeof parseSource> {
  const file = (part: string) => {
    const text = readFileSync(`${FOLDER}/${part}.yaml`, 'utf8');
    return { path: `${part}.yaml`, text: part === 'deployment' ? text.replace(/^load: .*$/m, `load: ${load}`) : text };
  };
  return parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment'), checks: file('checks') });
}

describe('load in deployment.yaml', () => {
  it('is read', () => {
    const { source, problems } = parse('{ validated: true, window: 5d, by: date, key: [site, user_id, date, crypto] }');
    expect(problems).toEqual([]);
    expect(source?.deployment.load).toEqual({ windowMs: 5 * 86_400_000, by: 'date', key: ['site', 'user_id', 'date', 'crypto'] });
  });

  it.each([
    ['{ validated: false, window: 5d, by: date, key: [date] }', 'validated: expected true, found false; leave out load for a source whose records go through its topic'],
    ['{ validated: true, window: 36h, by: date, key: [date] }', 'window: expected whole days such as 5d'],
    ['{ validated: true, window: 5d, by: price, key: [date] }', 'by: expected a date or timestamp column, found price (decimal)'],
    ['{ validated: true, window: 5d, by: day, key: [date] }', 'by: expected a date or timestamp column, found day'],
    ['{ validated: true, window: 5d, by: date, key: [date, sight] }', 'key: expected a column that can name a row, found sight'],
    ['{ validated: true, window: 5d, by: date, key: [] }', 'key: expected at least one column'],
    ['{ validated: true, window: 5d, by: date, key: [site] }', 'key: expected date (the column of by) among them, so that a row outside the window can\'t be meant'],
    ['{ validated: true, window: 5d, by: date }', 'load: expected the key key, found validated, window, by'],
    ['{ validated: true, window: 5d, by: date, key: [date], keys: [date] }', 'load: unknown key keys; did you mean key?'],
  ])('tells the mistake in %s', (load, message) => {
    expect(parse(load).problems).toContainEqual(expect.objectContaining({ path: 'deployment.yaml', line: 2, message }));
  });

  it('is refused for a source of several tables', () => {
    const file = (part: string) => {
      const text = readFileSync(`${FOLDER}/../subscription/${part}.yaml`, 'utf8');
      return { path: `${part}.yaml`, text: part === 'deployment' ? `${text}load: { validated: true, window: 5d, by: event_time, key: [event_id, event_time] }\n` : text };
    };
    const { problems } = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') });
    expect(problems).toContainEqual(expect.objectContaining({ message: 'load: expected only for a source of one table, found tables' }));
  });
});
