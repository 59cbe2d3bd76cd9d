// Goal: what a run publishes can be believed and found: rejects, results, documents, and nothing of files that are not the source's. Method: the real
// sources on doors in memory; files broken as files are broken.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lake, Sql } from '#tideline/lake';
import { generate, tableNames, topUpLedger, type Source } from '#tideline/retention';
import { appendText, BatchWorld, readTable, sourceNamed, textOf } from '../batch-fixtures.ts';
import type { GateDoors } from './check-run.ts';
import { correctedDelivery, correctedLog, CorrectionsRefused, parseCorrections, rejectsToCorrect } from './corrections.ts';
import { deliveryOfBytes } from './delivery.ts';
import { checkDelivery, loadDelivery, type LoadReport } from './load-delivery.ts';
import { finishedRuns, type CheckRun } from './run-history.ts';
import { DeliveryRefused } from './stage-delivery.ts';
import { NothingToValidateError, validateLake } from './validate-lake.ts';

const ledger = sourceNamed('ledger');
const names = tableNames(ledger);
const HEADER = 'date,site,user_id,crypto,price,units\n';
const LINES = ['1/1/2026,ARGENTINA,1,BTC,60000.00,0.10000000', '02/01/2026,BRASIL,2,ETH,3000.00,1.5', '3/1/2026,MEXICO,3,USDC,1.00,100'];
const GOOD = `${HEADER}${LINES.join('\n')}\n`;
const DAY_MS = 86_400_000;
const AS_OF = Date.UTC(2026, 0, 5);

let world: BatchWorld;
let doors: GateDoors;
beforeEach(async () => {
  world = new BatchWorld();
  doors = await world.doors();
});
afterEach(() => world.close());

/** Loads a text a moment after the one before; without a day the newest of the text counts. */
async function load(text: string | Uint8Array, source: Source = ledger, day: number | null = AS_OF): Promise<LoadReport> {
  world.clock.set(1);
  const delivery = await deliveryOfBytes('ledger.csv', typeof text === 'string' ? Buffer.from(text) : text);
  return loadDelivery({ source, delivery, clock: world.clock, asOfMs: day ?? undefined }, doors);
}

const production = async (): Promise<Record<string, unknown>[]> => readTable(world.store, world.lake.table(names.silver));
const rejects = async (): Promise<Record<string, unknown>[]> => readTable(world.store, world.lake.table(names.rejects));
const failed = ({ results }: LoadReport): string[] => results.filter(({ verdict }) => verdict === 'failed').map(({ check }) => check);
const objectText = async (key: string): Promise<string> => Buffer.from(await world.store.get(key)).toString('utf8');

describe('a delivery that is refused', () => {
  it.each([
    ['a day that February does not have', GOOD.replace('02/01/2026', '31/02/2026'), 'readable', 'bad-timestamp'],
    ['an American date', GOOD.replace('3/1/2026', '1/13/2026'), 'readable', 'bad-timestamp'],
    ['an open quote', GOOD.replace('BRASIL', '"BRASIL'), 'readable', undefined],
    ['another separator in one line', GOOD.replace('1/1/2026,ARGENTINA', '1/1/2026;ARGENTINA'), 'readable', 'field-count'],
    ['a decimal comma', GOOD.replace('3000.00', '"3000,00"'), 'readable', 'bad-number'],
    ['a repeated key', `${GOOD}${LINES[0]}\n`, 'unique_site_user_id_date_crypto', 'unique_site_user_id_date_crypto'],
    ['an unknown site', GOOD.replace('MEXICO', 'CHILE'), 'one_of_site', 'one_of_site'],
    ['nothing bought', GOOD.replace('1.5', '0.0'), 'units_positive', 'units_positive'],
  ])('leaves production as it is and says why: %s', async (_, text, check, reason) => {
    expect((await load(GOOD)).ended).toBe('loaded');
    const before = await production();
    const report = await load(text);
    expect(report.ended).toBe('refused');
    expect(failed(report)).toContain(check);
    expect(await production()).toEqual(before);
    const rows = await rejects();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every((row) => row['run'] === report.run && text.includes(String(row['original'])))).toBe(true);
    // The byte offset is where the line stands in the file.
    for (const row of rows) expect(Buffer.from(text).subarray(Number(row['_byte_offset'])).toString().startsWith(String(row['original']))).toBe(true);
    if (reason !== undefined) expect(rows.map((row) => row['reason'])).toContain(reason);
    expect(await objectText(`gold/reports/ledger/${report.run}.html`)).toContain('refused');
    expect(JSON.parse(await objectText('gold/reports/ledger/index.json'))).toMatchObject({ runs: [{ run: report.run, verdict: 'refused' }, { verdict: 'passed' }] });
  });

  it.each([
    ['other columns', GOOD.replace('price,units', 'cost,units'), /missing: price; unknown: cost/],
    ['another separator', GOOD.replaceAll(',', ';'), /missing: date/],
    ['UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(GOOD, 'utf16le')]), /expected/],
    ['a compressed file that was not unpacked', Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 0]), /expected/],
  ])('publishes nothing of a file that is not the source\'s: %s', async (_, text, message) => {
    await expect(load(text)).rejects.toSatisfy((error) => error instanceof DeliveryRefused && message.test(error.message));
    expect(await production()).toEqual([]);
    expect(await rejects()).toEqual([]);
    expect(await world.lake.table(names.checks).exists()).toBe(false);
  });

  it('takes an empty file for no delivery at all, not for one in which everything vanished', async () => {
    await load(GOOD);
    for (const text of ['', HEADER, `${HEADER}1/1/2020,MEXICO,3,USDC,1.00,100\n`]) expect(failed(await load(text))).toContain('rows_in_window');
    expect((await production()).every((row) => row['is_active'] === true)).toBe(true);
  });

  it('refuses an older file than the last, unless its day is named', async () => {
    world.clock.set(AS_OF - world.clock.nowMs());
    await load(GOOD, ledger, null);
    await expect(load(`${HEADER}${LINES[0]}\n`, ledger, null)).rejects.toThrow(/--as-of names its last day/);
    expect((await load(`${HEADER}${LINES[0]}\n`, ledger, Date.UTC(2026, 0, 1))).changes).toMatchObject({ unchanged: 1, deactivated: 0 });
  });
});

describe('a delivery that is loaded', () => {
  it('changes what it says of its window, keeps what vanished, and touches nothing else', async () => {
    await load(GOOD, ledger, Date.UTC(2026, 0, 3));
    const { changes, run } = await load(`${HEADER}${LINES[1]!.replace('1.5', '2.5')}\n4/1/2026,MEXICO,9,BTC,1.00,1\n${LINES[0]!.replace('0.1', '9.1')}\n`, ledger, Date.UTC(2026, 0, 6));
    expect(changes).toEqual({ inserted: 1, updated: 1, unchanged: 0, deactivated: 1, reactivated: 0 });
    const rows = await production();
    expect(rows.map((row) => [row['user_id'], row['units'], row['purchase_value'], row['is_active'], row['_run'] === run])).toEqual(expect.arrayContaining([
      [1, 10_000_000, 600_000_000_000, true, false], [2, 250_000_000, 750_000_000_000, true, true], [3, 10_000_000_000, 10_000_000_000, false, true], [9, 100_000_000, 100_000_000, true, true],
    ]));
    expect((await load(`${GOOD.replace('1.5', '2.5')}4/1/2026,MEXICO,9,BTC,1.00,1\n`, ledger, Date.UTC(2026, 0, 6))).changes).toMatchObject({ reactivated: 1, unchanged: 2 });
  });

  it('does nothing the second time, and loads again after another came between', async () => {
    const first = await load(GOOD);
    expect(await load(GOOD)).toMatchObject({ ended: 'already-loaded', run: first.run });
    await load(GOOD.replace('1.5', '1.6'));
    expect(await load(GOOD)).toMatchObject({ ended: 'loaded', changes: { updated: 1 } });
  });

  it('takes turns with another load: one begins again on what the other left', async () => {
    await load(GOOD);
    const other = await Sql.open(world.store, { threads: 1 });
    try {
      const texts = [GOOD.replace('1.5', '7.5'), GOOD.replace('100\n', '101\n')];
      const reports = await Promise.all(texts.map(async (text, k) => loadDelivery({
        source: ledger, delivery: await deliveryOfBytes(`${k}`, Buffer.from(text)), clock: world.clock, asOfMs: AS_OF,
      }, k === 0 ? doors : { ...doors, lake: new Lake(world.store), sql: other })));
      expect(reports.map(({ ended }) => ended)).toEqual(['loaded', 'loaded']);
      const units = (await production()).map((row) => row['units']);
      expect([[10_000_000, 750_000_000, 10_000_000_000], [10_000_000, 150_000_000, 10_100_000_000]]).toContainEqual(units);
      const rest = await world.lake.table(names.silver).snapshots();
      expect(new Set(rest.map(({ summary }) => summary['run'])).size).toBe(3);
    } finally {
      await other.close();
    }
  });

  it('lets a share of bad rows stay behind where a check allows it, and keeps what production has of their keys', async () => {
    const lenient = { ...ledger, checks: ledger.checks.map((suite) => ({ ...suite, checks: suite.checks.map((check) => (check.name === 'units_positive' || check.name === 'value_positive' || check.name === 'readable' ? { ...check, atMost: 0.4 } : check)) })) };
    await load(GOOD);
    const report = await load(GOOD.replace('1.5', '0.0').replace('100\n', '101\n'), lenient);
    expect(report).toMatchObject({ ended: 'loaded', rejected: 1, changes: { updated: 1, unchanged: 1, deactivated: 0 } });
    expect((await production()).find((row) => row['user_id'] === 2)).toMatchObject({ units: 150_000_000, is_active: true });
  });

  it('holds a value as the double product rounded to 8 places: at most one unit from the exact product', async () => {
    const lines = Array.from({ length: 300 }, (_, k) => ({ cents: BigInt(1 + ((k * 7_919_317) % 9_999_999)), units: BigInt(1 + ((k * 104_729_113) % 9_999_999_999)) }))
      .filter(({ cents, units }) => cents * units < 99_999_999_999_999_999n && cents * units >= 100n);
    const decimal = (value: bigint, scale: number): string => { const digits = String(value).padStart(scale + 1, '0'); return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`; };
    const report = await load(`${HEADER}${lines.map(({ cents, units }, k) => `1/1/2026,MEXICO,${k + 1},BTC,${decimal(cents, 2)},${decimal(units, 8)}`).join('\n')}\n`);
    expect(failed(report)).toEqual([]);
    const rows = new Map((await production()).map((row) => [Number(row['user_id']), BigInt(Number(row['purchase_value']))]));
    expect(rows.size).toBe(lines.length);
    for (const [k, { cents, units }] of lines.entries()) {
      const difference = rows.get(k + 1)! * 100n - cents * units;
      expect(difference <= 150n && difference >= -150n, `${cents} x ${units}`).toBe(true);
    }
  });

  it('tops days up to a minimum with rows that pass', async () => {
    const generated = textOf(generate('ledger', { seed: 5, rows: 500, startMs: Date.UTC(2026, 0, 1), durationMs: 5 * DAY_MS }));
    const lines = generated.trim().split('\n').slice(1, 120);
    const more = topUpLedger(lines, { seed: 6, asOfMs: AS_OF, rowsPerDay: 150 });
    expect(topUpLedger([...lines, ...more], { seed: 6, asOfMs: AS_OF, rowsPerDay: 150 })).toEqual([]);
    expect(await load(`${HEADER}${[...lines, ...more].join('\n')}\n`)).toMatchObject({ ended: 'loaded', changes: { inserted: 750 } });
    expect((await load(generated)).ended).toBe('loaded');
  });
});

describe('validating', () => {
  it('looks at a file and loads nothing of it', async () => {
    const delivery = await deliveryOfBytes('ledger.csv', Buffer.from(GOOD.replace('MEXICO', 'CHILE')));
    const report = await checkDelivery({ source: ledger, delivery, clock: world.clock, asOfMs: AS_OF }, doors);
    expect(report).toMatchObject({ ended: 'checked', verdict: 'refused', rejected: 1 });
    expect(await world.lake.table(names.silver).exists()).toBe(false);
  });

  const retail = sourceNamed('online-retail', (file, text) => (file === 'checks.yaml' ? `${text.slice(0, text.indexOf('training:'))}\n` : text).replace('{ check: range, column: quantity, min: -100000, max: 100000 }', '{ check: range, column: quantity, min: 0, max: 5 }'));
  const RETAIL = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';

  it('names every failing row of the lake once, and counts what arrived broken, late and twice', async () => {
    await expect(validateLake(retail, doors, world.clock)).rejects.toBeInstanceOf(NothingToValidateError);
    await appendText(world, retail, `${RETAIL}536365,A,<b>&,7,2010-12-05 08:26:00,2.55,1,Chile\n536365,B,X,1,2010-12-01 08:26:00,2.55,1,Chile\nbroken\n`);
    await (await world.layer()).land(retail);
    const report = await validateLake(retail, doors, world.clock);
    expect(report).toMatchObject({ verdict: 'refused', rejected: 1, counts: { 'rejected: field-count': 1, 'silver rows': 2, late: 1, 'bronze rows': 2, 'arrived twice': 0 } });
    expect(report.results.find(({ check }) => check === 'readable')).toMatchObject({ rows: 3, failing: 1 });
    expect(report.failingRows[0]).toMatchObject({ check: 'range_quantity', byteOffset: RETAIL.length, file: 'file-1' });
    expect((await validateLake(retail, doors, world.clock)).rejected).toBe(0);
    expect((await readTable(world.store, world.lake.table(tableNames(retail).rejects))).filter((row) => row['run'] !== null)).toHaveLength(1);
    const page = await objectText(`gold/reports/online-retail/${report.run}.html`);
    expect(page).toContain('&lt;b&gt;&amp;');
    expect(page).not.toContain('<b>');
  });
});

describe('finishedRuns', () => {
  const run = (name: string, more: Partial<CheckRun> = {}): CheckRun => ({ run: name, atMs: 0, mode: 'load', verdict: 'passed', baseRun: undefined, input: '', ...more });

  it('believes refusals, and loads that production\'s chain names', () => {
    const runs = [run('a'), run('died', { baseRun: 'a' }), run('b', { baseRun: 'a' }), run('no', { verdict: 'refused', baseRun: 'b' }), run('look', { mode: 'lake' }), run('died too', { baseRun: 'b' })];
    const names = (productionRun: string | undefined): string[] => finishedRuns(runs, productionRun).map((known) => known.run);
    expect(names('b')).toEqual(['a', 'b', 'no', 'look']);
    expect(names('a')).toEqual(['a', 'no', 'look']);
    expect(names(undefined)).toEqual(['no', 'look']);
  });
});

describe('corrections', () => {
  it('make another delivery of a refused one, which must pass the same checks', async () => {
    await load(GOOD);
    const bad = GOOD.replace('02/01/2026', '31/02/2026').replace('MEXICO', 'CHILE');
    await load(bad);
    const waiting = await rejectsToCorrect(ledger, doors);
    expect(waiting.map(({ reason, corrected }) => [reason, corrected])).toEqual([['bad-timestamp', ''], ['one_of_site', '']]);
    const answer = waiting.map((each) => ({ ...each, corrected: each.reason === 'one_of_site' ? null : LINES[1]!.replace('1.5', '7.5') }));
    const delivery = await correctedDelivery(ledger, parseCorrections(answer.map((each) => JSON.stringify(each)).join('\n')), world.store);
    const report = await loadDelivery({ source: ledger, delivery, clock: world.clock, asOfMs: AS_OF }, doors);
    expect(report).toMatchObject({ ended: 'loaded', changes: { updated: 1, deactivated: 1, unchanged: 1 } });
    expect(await rejectsToCorrect(ledger, doors)).toEqual([]);
    const moved = answer.map((each) => JSON.stringify({ ...each, original: 'another line' })).join('\n');
    await expect(correctedDelivery(ledger, parseCorrections(moved), world.store)).rejects.toBeInstanceOf(CorrectionsRefused);
  });

  it('count once on a topic, whoever corrects the line again', async () => {
    const clicks = sourceNamed('user-behavior');
    await appendText(world, clicks, '1,11,22,pv,1511658000\n1,11,22,stolen,1511658001\n1,x,22,pv,1511658002\n');
    await (await world.layer()).land(clicks);
    const waiting = await rejectsToCorrect(clicks, doors);
    expect(waiting).toHaveLength(2);
    const first = parseCorrections(JSON.stringify({ ...waiting[0], corrected: '1,11,22,buy,1511658001' }));
    const log = await correctedLog(clicks, first, world.store);
    expect(log).toMatchObject({ lines: 1, alreadyCorrected: 0 });
    expect(await correctedLog(clicks, first, world.store)).toEqual(log);
    const again = waiting.map((each) => ({ ...each, corrected: '1,11,22,cart,1511658001' }));
    expect(await correctedLog(clicks, again, world.store)).toMatchObject({ lines: 1, alreadyCorrected: 1 });
    expect(await rejectsToCorrect(clicks, doors)).toEqual([]);
    await expect(correctedLog(clicks, [{ ...waiting[0]!, corrected: '1,11,22,stolen,1' }], world.store)).rejects.toThrow(/not-allowed/);
  });

  it.each([['{', /line 1: .*no JSON/], ['{"id":"x"}', /id "x"/], ['{"id":"a-0-1","corrected":3}', /corrected 3/], ['{"id":"a-0-1","corrected":"a\\nb"}', /more than one line/], ['{"id":"a-0-1","corrected":""}\n{"id":"a-0-1","corrected":""}', /line 2: .*again/]])('refuse the file %s', (text, message) => {
    expect(() => parseCorrections(text)).toThrow(message);
  });
});
