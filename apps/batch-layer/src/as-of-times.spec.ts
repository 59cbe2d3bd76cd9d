import { describe, expect, it } from 'vitest';
import type { ModelDefinitions } from '#tideline/retention';
import { asOfTimes } from './as-of-times.ts';

const day = 86_400_000;
const at = (text: string): number => Date.parse(`${text}Z`);
const models = {
  label: { kind: 'absence', where: undefined, horizonMs: 90 * day },
  asOf: { everyMs: 90 * day, anchorMs: at('2011-09-09T00:00:00'), historyMs: 180 * day },
} as unknown as ModelDefinitions;

describe('as-of times', () => {
  it('keeps grid times with their history before and their horizon after', () => {
    const times = asOfTimes(models, day, at('2010-12-01T08:26:00'), at('2011-12-09T12:50:00'));
    expect(times.labelled.map((time) => new Date(time).toISOString().slice(0, 10))).toEqual(['2011-06-11', '2011-09-09']);
    expect(new Date(times.latest).toISOString()).toBe('2011-12-09T00:00:00.000Z');
  });
  it('drops a time whose horizon ends one millisecond after the data', () => {
    const end = at('2011-12-08T00:00:00');
    expect(asOfTimes(models, day, at('2010-12-01T00:00:00'), end).labelled).toHaveLength(2);
    expect(asOfTimes(models, day, at('2010-12-01T00:00:00'), end - 1).labelled).toHaveLength(1);
  });
  it('gives no labelled time when the data are too short', () => {
    expect(asOfTimes(models, day, at('2011-06-01T00:00:00'), at('2011-07-01T00:00:00')).labelled).toEqual([]);
  });
});
