// The scanner against its naive twin: any log, however damaged, however cut into pushes, resumed wherever a chunk ends.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Source } from '../sources/source.ts';
import { generate } from '../synthetic/generate.ts';
import type { Column } from './columns.ts';
import { ALIBABA, column, decimal, list, ONLINE_RETAIL, sourceOf, USER_BEHAVIOR } from './fixtures.ts';
import { LogScanner } from './log-scanner.ts';
import type { Chunk, ScanOptions } from './log-scanner.ts';
import { naiveScan } from './naive-scan.ts';
import type { NaiveLine } from './naive-scan.ts';

const MIXED: Source = sourceOf(
  'mixed',
  [
    column('small', { name: 'int' }, { range: [-5, 5000] }),
    column('big', { name: 'bigint' }, { nullable: true, zeroFraction: true }),
    column('money', decimal(9, 3), { nullable: true }),
    column('wide', decimal(15, 4), { nullable: true, range: [-1000, 1e9] }),
    column('real', { name: 'double' }, { nullable: true }),
    column('flag', { name: 'boolean' }, { nullable: true }),
    column('day', { name: 'date' }, { nullable: true }),
    column('at_time', { name: 'timestamp' }, { nullable: true }),
    column('word', { name: 'string' }, { nullable: true }),
    column('choice', { name: 'string' }, { allowed: ['a', 'bé', 'c,d'] }),
  ],
  { quote: '"', maxLineBytes: 300 },
);

const LISTS: Source = sourceOf(
  'lists',
  [
    column('early', list({ name: 'int' }), { range: [1, 900] }),
    column('rates', list(decimal(7, 6)), { range: [0, 1] }),
    column('prices', list(decimal(9, 2))),
    column('reals', list({ name: 'double' }), { nullable: true }),
    column('coarse', list(decimal(6, 0)), { nullable: true }),
    column('flags', list({ name: 'int' }), { allowed: ['0', '1'] }),
    column('last', { name: 'int' }),
  ],
  { separator: ';', listSeparator: ',', lists: { length: 4, by: 'prices', pad: '0' }, maxLineBytes: 300 },
);

const FREE_LISTS: Source = sourceOf(
  'free-lists',
  [column('numbers', list({ name: 'int' })), column('shares', list(decimal(9, 8)), { nullable: true }), column('big', list({ name: 'bigint' }))],
  { separator: '|', listSeparator: ' ', maxLineBytes: 200 },
);

const NUMBERS = [
  '0', '1', '5', '42', '-3', '+7', '007', '4999', '5001', '2147483647', '2147483648', '-2147483648', '9007199254740991', '9007199254740993',
  '0.0', '17850.0', '1.', '.5', '.', '-', '', '1.5', '0.001', '0.0001', '12.3450', '999999.999', '1000000', '1e-05', '1E3', '1e', '2.5e2', '1e400',
  '123456789012.5', '-0', '-0.0', '1.2.3', ' 1', '0x10', 'NaN', '0.12345678901234567', '12345678901234567890', '1e-400', '--1', '3e+1',
];
const RATES = ['0', '0.0', '0.', '00', '0.078572', '0.5', '1.0', '1.000001', '0.0785721', '1e-05', '0.25', '1', '.123456', '0.07857x', '0.1', '0.123450', '9.000000'];
const TIMES = [
  '2011-02-28', '2011-02-29', '2012-02-29', '1900-02-29', '2000-02-29T23:59:59Z', '2011-13-01', '0000-01-01', '9999-12-31T23:59:59.999999999Z',
  '2010-12-01 08:26:00', '2010-12-01T08:26:00', '2010-12-01T08:26', '2010-12-01T08:26:61', '2010-12-01T24:00:00', '1511658000', '-5', '1969-07-20',
  '2010-12-01T08:26:00+05:30', '2010-12-01T08:26:00.1-23:59', '2010-12-01T08:26:00.Z', '2010-12-01T08:26:00+5', '2010-1-1', '2010-12-01T08:2600Z',
];
const WORDS = ['a', 'bé', 'word', 'c,d', 'pv', 'buy', '"a"', '"c,d"', '"say ""hi"""', '"two\nlines"', '"open', '"x"y', 'mid"quote', '""', 'true', 'FALSE', '\0', '…', ''];

const token = fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...RATES), fc.constantFrom(...TIMES), fc.constantFrom(...WORDS));
const ending = fc.oneof({ weight: 8, arbitrary: fc.constant('\n') }, { weight: 2, arbitrary: fc.constant('\r\n') });

/** Lines that are right more often than not, so that the good paths are tried as well as the bad. */
function lineFor(source: Source): fc.Arbitrary<string> {
  const { separator, listSeparator, lists } = source.format;
  const fields = source.columns.map((each) => {
    const { type } = each;
    const of = type.name === 'list' ? type.of : type;
    const usual =
      of.name === 'string'
        ? fc.constantFrom('a', 'bé', '"c,d"', '"say ""hi"""', '"two\nlines"')
        : of.name === 'date'
          ? fc.constantFrom('2011-02-28', '2012-02-29', '1969-12-31')
          : of.name === 'timestamp'
            ? fc.constantFrom('2010-12-01T08:26:00', '2010-12-01 08:26:00.250Z', '2010-12-01T08:26:00+05:30')
            : of.name === 'boolean'
              ? fc.constantFrom('0', '1', 'true', 'False')
              : fc.constantFrom('1', '0', '0.5', '0.078572', '12', '3.0', '0.0', '0.', '0.25');
    const single = fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: token });
    if (type.name !== 'list') return single;
    const length = lists?.length ?? 3;
    const whole = of.name === 'int' || of.name === 'bigint' ? fc.constantFrom('1', '7', '12', '345', '0') : usual;
    const item = fc.oneof({ weight: 40, arbitrary: each.allowed === undefined ? whole : fc.constantFrom('0', '1') }, { weight: 1, arbitrary: token });
    const sizes = lists === undefined ? { minLength: 1, maxLength: 9 } : { minLength: length, maxLength: length };
    const padded = fc.tuple(fc.array(item, sizes), fc.nat(length)).map(([items, count]) =>
      items.map((text, index) => (lists !== undefined && index >= count ? lists.pad : text)),
    );
    return fc.oneof({ weight: 20, arbitrary: padded }, { weight: 1, arbitrary: fc.array(item) }).map((items) => items.join(listSeparator));
  });
  const right = fc.tuple(...fields).map((texts) => texts.join(separator));
  const wrong = fc.array(token, { maxLength: 14 }).map((texts) => texts.join(separator));
  const junk = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  const long = fc.integer({ min: 250, max: 2500 }).map((length) => 'x'.repeat(length));
  return fc.oneof(
    { weight: 20, arbitrary: right },
    { weight: 3, arbitrary: wrong },
    { weight: 2, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: junk },
    { weight: 1, arbitrary: long },
  );
}

function logFor(source: Source): fc.Arbitrary<Buffer> {
  const body = fc.array(fc.tuple(lineFor(source), ending), { maxLength: 25 });
  return fc.tuple(body, fc.boolean(), fc.boolean()).map(([lines, mark, cut]) => {
    const text = lines.map(([line, end]) => line + end).join('');
    // Most strings hold characters, some of them bytes beyond ASCII that are no UTF-8.
    const bytes = Buffer.from(text, /[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text) && mark ? 'latin1' : 'utf8');
    const ended = cut ? bytes.subarray(0, Math.max(0, bytes.length - 1)) : bytes;
    return mark ? Buffer.concat([Buffer.from('\ufeff'), ended]) : ended;
  });
}

function cutUp(log: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0, turn = 0; start < log.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length]);
    parts.push(log.subarray(start, start + size));
    start += size;
  }
  return parts;
}

function scan(source: Source, log: Buffer, sizes: readonly number[], options: Partial<ScanOptions> = {}): Chunk[] {
  const scanner = new LogScanner(source, { chunkRows: 7, byteOffset: 0, skipHeader: source.format.header, ...options });
  // The pushed bytes are overwritten after each push, as a reader's one buffer would be.
  const chunks = cutUp(log, sizes).flatMap((part) => {
    const pushed = Uint8Array.from(part);
    const completed = scanner.push(pushed);
    pushed.fill(0x39);
    return completed;
  });
  const last = scanner.end();
  expect(scanner.problem).toBeUndefined();
  return last === undefined ? chunks : [...chunks, last];
}

function storedValue({ type, values, offsets, nulls }: Column, row: number): unknown {
  if (nulls?.[row] === 1) return null;
  if (offsets === undefined) return values[row];
  const part = values.slice(offsets[row], offsets[row + 1]);
  return type.name === 'string' ? Buffer.from(part).toString('utf8') : Array.from(part);
}

/** Chunks in the twin's form: rows and rejections by position in the log. */
function linesOf(chunks: readonly Chunk[]): NaiveLine[] {
  const lines = chunks.flatMap((chunk) => [
    ...Array.from({ length: chunk.batch.rowCount }, (_, row) => ({
      byteOffset: chunk.byteOffsets[row],
      row: Object.fromEntries(chunk.batch.names.map((name, index) => [name, storedValue(chunk.batch.columns[index], row)])),
    })),
    ...chunk.rejections.map(({ byteOffset, reason, original }) => ({ byteOffset, reason, original: Buffer.from(original).toString('latin1') })),
  ]);
  return lines.sort((a, b) => a.byteOffset - b.byteOffset);
}

function expectTiled(chunks: readonly Chunk[], start: number, end: number, chunkRows: number): void {
  let position = start;
  for (const [index, chunk] of chunks.entries()) {
    expect(chunk.byteOffsetStart).toBe(position);
    expect(chunk.rowsRead).toBe(chunk.batch.rowCount + chunk.rejections.length);
    if (index < chunks.length - 1) expect(chunk.rowsRead).toBe(chunkRows);
    position = chunk.byteOffsetEnd;
  }
  expect(position).toBe(end);
}

const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 });

describe('LogScanner', () => {
  for (const source of [MIXED, LISTS, FREE_LISTS]) {
    it(`oracle: gives the rows and rejections of the naive twin, however the bytes come (${source.name})`, () => {
      fc.assert(
        fc.property(logFor(source), sizes, fc.integer({ min: 1, max: 9 }), (log, pushSizes, chunkRows) => {
          const chunks = scan(source, log, pushSizes, { chunkRows });
          expect(linesOf(chunks)).toEqual(naiveScan(source, log));
          expectTiled(chunks, 0, log.length, chunkRows);
        }),
        { numRuns: 400 },
      );
    });

    it(`resumed where any chunk ends gives the chunks that followed (${source.name})`, () => {
      fc.assert(
        fc.property(logFor(source), sizes, fc.integer({ min: 1, max: 5 }), fc.nat(), (log, pushSizes, chunkRows, at) => {
          const chunks = scan(source, log, [log.length], { chunkRows });
          if (chunks.length === 0) return;
          const done = at % chunks.length;
          const byteOffset = chunks[done].byteOffsetEnd;
          const resumed = scan(source, log.subarray(byteOffset), pushSizes, { chunkRows, byteOffset });
          expect(resumed).toEqual(chunks.slice(done + 1));
        }),
        { numRuns: 200 },
      );
    });
  }

  it('oracle: reads synthetic Alibaba pages, some of them damaged, as the twin does', () => {
    const log = Buffer.concat([...generate('alibaba', { seed: 11, rows: 40 })]);
    const damage = fc.array(fc.tuple(fc.nat(log.length - 1), fc.constantFrom(...Buffer.from('0159.,;-e\n\0x'))), { maxLength: 12 });
    fc.assert(
      fc.property(damage, fc.integer({ min: 500, max: 70_000 }), (hits, size) => {
        const damaged = Buffer.from(log);
        for (const [at, byte] of hits) damaged[at] = byte;
        expect(linesOf(scan(ALIBABA, damaged, [size]))).toEqual(naiveScan(ALIBABA, damaged));
      }),
      { numRuns: 25 },
    );
  });

  it('oracle: reads synthetic invoices, header aside, as the twin does', () => {
    const log = Buffer.concat([...generate('online-retail', { seed: 3, rows: 400 })]);
    const header = log.indexOf(10) + 1;
    const lines = linesOf(scan(ONLINE_RETAIL, log, [333], { chunkRows: 100 }));
    const twin = naiveScan(ONLINE_RETAIL, log.subarray(header)).map((line) => ({ ...line, byteOffset: line.byteOffset + header }));
    expect(lines).toEqual(twin);
    expect(lines.filter(({ reason }) => reason === 'missing-customer-id').length).toBeGreaterThan(40);
  });

  it('takes the order of columns from the header, also for a scan that is resumed', () => {
    const log = Buffer.from(
      '\ufeffCountry,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,"UnitPrice",CustomerID\r\n' +
        'EIRE,1,2,"a, ""b""",6,2010-12-01 08:26:00,2.55,17850.0\r\n'.repeat(3),
    );
    const scanner = new LogScanner(ONLINE_RETAIL, { chunkRows: 2, byteOffset: 0, skipHeader: true });
    const [first] = scanner.push(log);
    expect(first).toMatchObject({ rowsRead: 2, byteOffsetStart: 0 });
    const last = scanner.end()!;
    expect(linesOf([last])[0].row).toMatchObject({ country: 'EIRE', description: 'a, "b"', unit_price: 2550, customer_id: 17850 });
    const { fields } = scanner;
    const resumed = scan(ONLINE_RETAIL, log.subarray(first.byteOffsetEnd), [5], { chunkRows: 2, byteOffset: first.byteOffsetEnd, skipHeader: false, fields });
    expect(resumed).toEqual([last]);
  });

  it('has a problem, and no rows, when the header is another', () => {
    const scanner = new LogScanner(ONLINE_RETAIL, { chunkRows: 2, byteOffset: 0, skipHeader: true });
    expect(scanner.push(Buffer.from('InvoiceNo,StockCode\n1,2\n1,2\n1,2\n'))).toEqual([]);
    expect(scanner.end()).toBeUndefined();
    expect(scanner.problem).toMatch(/expected the header InvoiceNo,.*missing: Description, Quantity/);
  });

  it('keeps the head of an over-long line and nothing else of it', () => {
    const log = Buffer.concat([Buffer.alloc(200_000, 'a'), Buffer.from('\n1,2,3,pv,4\n')]);
    const [chunk] = scan(USER_BEHAVIOR, log, [1000]);
    expect(chunk.rejections).toMatchObject([{ byteOffset: 0, reason: 'line-too-long', detail: 'expected at most 65536 bytes, found 200000' }]);
    expect(chunk.rejections[0].original.length).toBe(1024);
    expect(Array.from(chunk.byteOffsets)).toEqual([200_001]);
  });

  it('says what was expected and found', () => {
    const details = (source: Source, text: string): string[] => scan(source, Buffer.from(text), [1000]).flatMap((chunk) => chunk.rejections.map(({ detail }) => detail));
    expect(details(USER_BEHAVIOR, '1,2,3\n1,x,3,pv,4\n1,2,3,look,4\n1,2,3,pv,\n1,2,3,pv,soon\n-1,2,3,pv,4\n')).toEqual([
      'expected 5 fields, found 3',
      'expected bigint in item_id, found "x"',
      'expected one of pv, cart, fav, buy in behavior, found "look"',
      'expected a value of type timestamp in event_time, found ""',
      'expected timestamp in event_time, found "soon"',
      'expected bigint from 0 to 9007199254740991 in user_id, found "-1"',
    ]);
    expect(details(LISTS, '1,2,0,0;0,0,0.5,0;1.5,2.0,0,0;;;1,1,0,0;1\n1,2;0,0,0,0;1.5,2.0,0,0;;;1,1,0,0;1\n')).toEqual([
      'expected padding after the 2 items of prices in rates, found "0,0,0.5,0"',
      'expected list<int> of 4 entries in early, found "1,2"',
    ]);
  });

  it('keeps the lines of accepted rows for sources that may still reject them', () => {
    const source = { ...USER_BEHAVIOR, rejects: [{ when: 'user_id = item_id', reason: 'same' }] };
    const log = Buffer.from('1,2,3,pv,4\r\nbad\n5,6,7,buy,8');
    const [chunk] = scan(source, log, [4]);
    const { offsets, bytes } = chunk.originals!;
    const texts = Array.from({ length: 2 }, (_, row) => Buffer.from(bytes.slice(offsets[row], offsets[row + 1])).toString());
    expect(texts).toEqual(['1,2,3,pv,4', '5,6,7,buy,8']);
  });

  it('gives nothing for nothing, and a chunk without rows for a header alone', () => {
    expect(scan(USER_BEHAVIOR, Buffer.alloc(0), [1])).toEqual([]);
    const [chunk] = scan(ONLINE_RETAIL, Buffer.from(`${ONLINE_RETAIL.columns.map(({ field }) => field).join()}\n\n\n`), [10]);
    expect(chunk).toMatchObject({ rowsRead: 0, byteOffsetStart: 0, byteOffsetEnd: 84 });
  });
});
