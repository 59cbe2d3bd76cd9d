import { afterEach, describe, expect, it } from 'vitest';
import { unpackTexts } from '#tideline/platform';
import { generate, tableNames, VisitValues, type Source } from '#tideline/retention';
import { appendText, BatchWorld, sourceNamed, textOf } from './batch-fixtures.ts';
import { publishVisitValues } from './visits.ts';

const alibaba = sourceNamed('alibaba');
const { visits: VISITS } = tableNames(alibaba);
const MODEL = 'visit-values-alibaba';

const worlds: BatchWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function worldOf(source: Source, text: string): Promise<BatchWorld> {
  const world = new BatchWorld();
  worlds.push(world);
  await appendText(world, source, text);
  await (await world.layer()).land(source);
  return world;
}

/** The update messages so far. */
async function messages(world: BatchWorld): Promise<Record<string, string>[]> {
  const batches = await world.log.read('model-updates', 0, 0);
  return batches.flatMap((batch) => unpackTexts(batch).map(({ value }) => JSON.parse(value) as Record<string, string>));
}

const list = (...values: readonly (number | string)[]): string => [...values, ...new Array<number>(50 - values.length).fill(0)].join(',');
/** A page with one item, whose reward is what was paid and half a point for a click. */
const page = (pageId: number, clicked: number, paid: number, isLast: number): string =>
  ['1;1;7', pageId, 10, list(pageId * 50), list('0.1'), list('0.01'), list('5.00'), list(clicked), list(0), list(0), list(paid), list(1), isLast].join(';');

// Two visits of one segment: both see page 0 (rewards 4 and 0), one leaves there; the other goes on to page 1 (reward 1.5) and page 2 (0).
const LOG = `${[page(0, 0, 4, 0), page(1, 1, 1, 0), page(2, 0, 0, 1), page(0, 0, 0, 1)].join('\n')}\n`;

describe('visit values', () => {
  it('are the table that one computes by hand, and an artifact that loads', async () => {
    const world = await worldOf(alibaba, LOG);
    expect(await publishVisitValues(alibaba, await world.doors())).toBe(1);
    const rows = await world.query(`SELECT * FROM ${VISITS} ORDER BY step`, VISITS);
    expect(rows).toEqual([
      // Half of the visits go on from page 0, to a page worth 1.5 and one worth nothing.
      { by: '1-1-7', step: 0, pages: 2, leaves: 1, leave_probability: 0.5, mean_reward: 2, expected_value: 0.75 },
      { by: '1-1-7', step: 1, pages: 1, leaves: 0, leave_probability: 0, mean_reward: 1.5, expected_value: 0 },
      { by: '1-1-7', step: 2, pages: 1, leaves: 1, leave_probability: 1, mean_reward: 0, expected_value: 0 },
    ]);
    const version = (await world.tracker.versionByAlias(MODEL, 'champion'))!;
    const values = VisitValues.load(await world.tracker.getArtifact(version.runId, `${version.artifactPath}/visit-values.json`));
    expect([0, 1, 2].map((step) => [values.leaveProbability('1-1-7', step), values.expectedValue('1-1-7', step)])).toEqual([[0.5, 0.75], [0, 0], [1, 0]]);
    expect(await messages(world)).toEqual([{ source: 'alibaba', kind: 'visit-values', name: MODEL, version: '1', runId: version.runId, artifactPath: 'model', alias: 'champion' }]);
    expect(await world.tracker.getRun(version.runId)).toMatchObject({ status: 'FINISHED', metrics: { groups: 1, pages: 4 } });
  });

  it('are published again only when they changed, or when nobody was told of them', async () => {
    const world = await worldOf(alibaba, LOG);
    const doors = await world.doors();
    await publishVisitValues(alibaba, doors);
    await publishVisitValues(alibaba, doors);
    expect(await world.tracker.listVersions(MODEL)).toHaveLength(1);
    await appendText(world, alibaba, LOG, { fileId: 'file-2' });
    await (await world.layer()).land(alibaba);
    // The log goes away at the moment of telling.
    const mute = { ...doors, log: new Proxy(doors.log, { get: (log, name) => (name === 'openWriter' ? () => Promise.reject(new Error('away')) : Reflect.get(log, name).bind(log)) }) };
    await expect(publishVisitValues(alibaba, mute)).rejects.toThrow('away');
    await publishVisitValues(alibaba, doors);
    expect((await messages(world)).map(({ version }) => version)).toEqual(['1', '3']);
  });

  it('are sane on a synthetic log: shares are shares, and what is left of a visit shrinks from page to page', async () => {
    const world = await worldOf(alibaba, textOf(generate('alibaba', { seed: 5, rows: 1_500 })));
    const groups = await publishVisitValues(alibaba, await world.doors());
    expect(groups).toBeGreaterThan(20);
    const [row] = await world.query(`SELECT min(leave_probability) AS least, max(leave_probability) AS most, min(expected_value) AS worst, CAST(sum(pages) AS INTEGER) AS pages FROM ${VISITS}`, VISITS);
    expect(row).toMatchObject({ pages: 1_500 });
    expect(Number(row!['least'])).toBeGreaterThanOrEqual(0);
    expect(Number(row!['most'])).toBeLessThanOrEqual(1);
    expect(Number(row!['worst'])).toBeGreaterThanOrEqual(0);
    const version = (await world.tracker.versionByAlias(MODEL, 'champion'))!;
    const values = VisitValues.load(await world.tracker.getArtifact(version.runId, 'model/visit-values.json'));
    // A group that was never seen is the pool of all: its early pages are worth more than its late ones, the last one nothing.
    const rest = [...Array(12).keys()].flatMap((step) => values.expectedValue('nobody', step) ?? []);
    expect(rest.at(-1)).toBe(0);
    expect(rest[0]!).toBeGreaterThan(rest[Math.floor(rest.length / 2)]!);
  });
});
