// A source of several tables as a person has it: made, replayed in the order that nobody would choose, followed live, built, learnt from and verified,
// all by the command line.
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PATIENT, Terminal, until } from './tideline.ts';

const at = new Terminal();
afterAll(() => at.close());

interface Made { readonly synthetic: boolean; readonly files: readonly { readonly table: string; readonly file: string; readonly rows: number }[] }

describe('users and their events', PATIENT, () => {
  test('from generated files to a verified state and judged models', async () => {
    const made = await at.json<Made>(['generate', 'subscription', '--out', 'in', '--users', '60', '--days', '120']);
    expect(made.synthetic).toBe(true);
    expect(made.files.map(({ table, file }) => [table, file])).toEqual([['users', join('in', 'users.csv')], ['events', join('in', 'events.csv')]]);
    const rows = Object.fromEntries(made.files.map((file) => [file.table, file.rows]));

    expect(await at.json(['inspect', 'in/events.csv'])).toMatchObject({ source: 'subscription', table: 'events', layout: 'standard' });
    expect(await at.replay('in/events.csv', 'subscription')).toMatchObject({ table: 'events', accepted: rows['events'], ended: 'complete' });
    expect(await at.replay('in/users.csv', 'subscription', '--table', 'users')).toMatchObject({ table: 'users', accepted: 60, ended: 'complete' });
    expect(await at.recordCount('raw.subscription')).toBe(60 + rows['events']!);

    const speedLayer = at.start(['start', '--only', 'speed-layer']);
    await until('the speed layer is at the end of the topic', () => at.withLog(async (log) => {
      const described = (await log.describeTopics()).find(({ topic }) => topic === 'raw.subscription');
      return described!.partitions.every(({ partition, end }) => described!.groups.some((group) => group.group === 'speed-layer' && group.partition === partition && group.offset === end));
    }));
    speedLayer.child.kill('SIGINT');
    expect((await speedLayer.ended).code).toBe(0);

    const { gold } = await at.json<{ gold: { asOf: string[]; trainingRows: number } }>(['build', 'subscription']);
    expect(gold.trainingRows).toBe((gold.asOf.length - 1) * 60);
    expect(await at.query('SELECT count(*) AS n FROM silver.subscription_events')).toEqual([{ n: rows['events'] }]);
    expect(await at.query("SELECT count(*) AS n, count(DISTINCT _table) AS tables FROM bronze.subscription")).toEqual([{ n: 60 + rows['events']!, tables: 2 }]);
    expect(await at.json(['verify', '--source', 'subscription'])).toMatchObject({ ok: true });

    const report = await at.json<{ split: { description: string }; otherSplits: { description: string; models: { name: string }[] }[] }>(['train', 'subscription', '--models', 'logistic']);
    expect(report.split.description).toContain("gap of the label's horizon 30 d");
    expect(report.otherSplits[0]!.description).toContain('no gap');
    expect(report.otherSplits[0]!.models.map(({ name }) => name)).toEqual(['silence-alone', 'logistic']);
  });
});
