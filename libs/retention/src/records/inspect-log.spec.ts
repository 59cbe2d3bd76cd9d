// What a file is, told from its head: the real ten rows where they are at hand, damaged and foreign heads made by hand.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { generate } from '../synthetic/generate.ts';
import type { ColumnBatch } from './columns.ts';
import { detectContainer } from './detect-container.ts';
import { ALIBABA, ONLINE_RETAIL, USER_BEHAVIOR } from './fixtures.ts';
import { detectSource, inspectLog } from './inspect-log.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const SHARED = [process.env['TIDELINE_SHARED'], `${ROOT}../shared`, `${ROOT}../../shared`].find((path) => path !== undefined && existsSync(path));
const TEN_ROWS = `${SHARED}/data/alibaba/www-data-head10.txt`;
const hasTenRows = SHARED !== undefined && existsSync(TEN_ROWS);
if (!hasTenRows) console.warn('skipped: the ten real Alibaba rows are not at hand (set TIDELINE_SHARED)');

/** The layout check of the alibaba source, written out by hand. */
function pageMatchesPositions(batch: ColumnBatch): Uint8Array {
  const page = batch.columns[batch.names.indexOf('page_id')].values;
  const positions = batch.columns[batch.names.indexOf('item_position')];
  return Uint8Array.from({ length: batch.rowCount }, (_, row) => {
    const items = Array.from(positions.values.slice(positions.offsets![row], positions.offsets![row + 1]));
    return Math.floor(Math.min(...items) / 50) === page[row] && Math.floor(Math.max(...items) / 50) === page[row] ? 1 : 0;
  });
}

function synthetic(source: string, rows: number): Buffer {
  return Buffer.concat([...generate(source, { seed: 5, rows })]);
}

function tar(content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write('member', 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write('ustar', 257);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}

const CHECK = { layoutCheck: pageMatchesPositions };

describe('detectSource', () => {
  it('takes the last line without a newline of a whole file, and leaves what may be cut off of a head', () => {
    const text = readFileSync(TEN_ROWS).toString('latin1').trimEnd();
    const rows = (whole: boolean): number => detectSource([ALIBABA], Buffer.from(text, 'latin1'), { [ALIBABA.name]: CHECK.layoutCheck }, { whole })[0]!.inspection.rows;
    expect([rows(true), rows(false)]).toEqual([10, 9]);
  });
});

describe('inspectLog', () => {
  it.runIf(hasTenRows)('names the layout of the ten real rows and decodes them', () => {
    const found = inspectLog(ALIBABA, readFileSync(TEN_ROWS), CHECK);
    expect(found).toMatchObject({ fits: true, layout: 'observed', rows: 10, accepted: 10, problems: [] });
    expect(found.sample.map((row) => (row['item_price'] as number[]).length)).toEqual([9, 25, 50, 50, 8, 45, 6, 47, 46, 39]);
    expect(found.sample.map((row) => (row['item_position'] as number[]).length)).toEqual([9, 25, 50, 50, 8, 45, 6, 47, 46, 39]);
    expect(found.sample[0]).toMatchObject({ age_level: 6, gender: 2, purchase_power: 6, page_id: 1, hour: 17, is_last_page: 0 });
    expect((found.sample[0]['item_price'] as number[]).slice(0, 5)).toEqual([29.9, 49.9, 28.8, 20.8, 272]);
  });

  it.runIf(hasTenRows)('refuses the documented layout for the ten real rows', () => {
    const found = inspectLog(ALIBABA, readFileSync(TEN_ROWS), { ...CHECK, layout: 'documented' });
    expect(found).toMatchObject({ fits: false, layout: 'observed' });
    expect(found.problems[0]).toMatch(/layout: found observed, configured documented/);
  });

  it('refuses a file in another layout than the configured one', () => {
    const documented = synthetic('alibaba', 50)
      .toString()
      .replace(/^(\d+);(\d+);(\d+);(\d+);(\d+);/gm, '$4;$5;$1;$2;$3;');
    const found = inspectLog(ALIBABA, Buffer.from(documented), CHECK);
    expect(found).toMatchObject({ fits: false, layout: 'documented' });
    expect(found.problems[0]).toMatch(/layout: found documented, configured observed/);
    expect(inspectLog(ALIBABA, Buffer.from(documented), { ...CHECK, layout: 'documented' }).fits).toBe(true);
  });

  it.each(['alibaba', 'user-behavior', 'online-retail'])('finds the source of a synthetic %s log', (name) => {
    const sources = [ALIBABA, USER_BEHAVIOR, ONLINE_RETAIL];
    const head = synthetic(name, 200).subarray(0, 9000);
    const ranked = detectSource(sources, head, { alibaba: pageMatchesPositions });
    expect(ranked[0].source.name).toBe(name);
    expect(ranked[0].inspection.fits).toBe(true);
    expect(ranked.slice(1).some(({ inspection }) => inspection.fits)).toBe(false);
    const wrong = sources.find((source) => source.name !== name)!;
    expect(inspectLog(wrong, head, { others: sources }).problems.join()).toContain(`format of ${name}`);
  });

  it('names archives and compressed files, whatever they are called', () => {
    const log = synthetic('alibaba', 3);
    expect(detectContainer(tar(log))).toBe('tar');
    expect(detectContainer(tar(tar(log)))).toBe('tar in tar');
    expect(detectContainer(Buffer.from([0x1f, 0x8b, 8]))).toBe('gzip');
    expect(detectContainer(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))).toBe('zstd');
    expect(detectContainer(log)).toBeUndefined();
    expect(inspectLog(ALIBABA, tar(tar(log))).problems[0]).toContain('a tar archive inside a tar archive');
  });

  it('names a sample with another field count', () => {
    const legacy = synthetic('alibaba', 20).toString().replaceAll(/;\d\n/g, '\n');
    const found = inspectLog(ALIBABA, Buffer.from(legacy), CHECK);
    expect(found).toMatchObject({ fits: false, layout: undefined });
    expect(found.problems[0]).toMatch(/expected 15 fields a line, found 14 in 20 of 20 lines.*legacy/);
  });

  it('reports NUL bytes and damaged lines of a file that fits', () => {
    const log = Buffer.from(synthetic('user-behavior', 20).toString().replace(',pv,', ',p\0,') + '1,2,3\n');
    const found = inspectLog(USER_BEHAVIOR, log);
    expect(found).toMatchObject({ fits: true, rows: 21, accepted: 19 });
    expect(found.problems[0]).toMatch(/found NUL bytes, the first at byte \d+/);
    expect(found.problems.join('\n')).toMatch(/field-count: 1 of 21 lines.*expected 5 fields, found 3/);
  });

  it('ignores a last line that the head cuts off, unless the head is the whole file', () => {
    const log = synthetic('user-behavior', 5).subarray(0, -6);
    expect(inspectLog(USER_BEHAVIOR, log).rows).toBe(4);
    expect(inspectLog(USER_BEHAVIOR, log, { whole: true }).rows).toBe(5);
  });

  it('says what is wrong with a header, and that a file is empty', () => {
    const log = synthetic('online-retail', 5).toString().replace('Quantity', 'Amount');
    const [problem] = inspectLog(ONLINE_RETAIL, Buffer.from(log)).problems;
    expect(problem).toContain('missing: Quantity; unknown: Amount');
    expect(inspectLog(ONLINE_RETAIL, Buffer.alloc(0)).problems[0]).toContain('empty file');
    const header = log.slice(0, log.indexOf('\n') + 1).replace('Amount', 'Quantity');
    expect(inspectLog(ONLINE_RETAIL, Buffer.from(header))).toMatchObject({ fits: true, rows: 0 });
  });
});
