import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSource, type SourceFiles } from './parse-source.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
type Part = 'schema' | 'features' | 'models' | 'deployment';

function filesOf(name: string, edit: (part: Part, text: string) => string = (_, text) => text): SourceFiles {
  const file = (part: Part) => ({ path: `${part}.yaml`, text: edit(part, readFileSync(`${ROOT}/sources/${name}/${part}.yaml`, 'utf8')) });
  return { schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') };
}

/** Problems after replacing `from` by `to` in one file, as `file:line:column message`. */
function problemsOf(name: string, part: Part, from: string, to: string): string[] {
  const { problems } = parseSource(filesOf(name, (file, text) => {
    if (file !== part) return text;
    expect(text, `expected ${part}.yaml of ${name} to hold ${from}`).toContain(from);
    return text.replace(from, to);
  }));
  return problems.map(({ path, line, column, message }) => `${path}:${line}:${column} ${message}`);
}

describe('parseSource', () => {
  it.each(['alibaba', 'online-retail', 'user-behavior'])('reads %s without a problem', (name) => {
    const { source, problems } = parseSource(filesOf(name));
    expect(problems).toEqual([]);
    expect(source?.name).toBe(name);
    expect(source?.version).toMatch(/^[0-9a-f]{32}$/);
  });

  it('normalises what the files say', () => {
    const { source } = parseSource(filesOf('online-retail'));
    expect(source?.features.aggregates[2]).toEqual({
      name: 'orders', kind: 'distinct', of: 'invoice_no', where: "not (invoice_no like 'C%' or quantity <= 0) and unit_price > 0",
      windowMs: 365 * 86_400_000, windowRecords: undefined, limit: 100_000,
    });
    expect(source?.columns[5]).toEqual({
      name: 'unit_price', field: 'UnitPrice', type: { name: 'decimal', precision: 10, scale: 3 }, nullable: false, range: undefined, allowed: undefined,
      zeroFraction: false, outcome: false, description: 'pounds',
    });
    expect(source?.models.label).toEqual({ kind: 'absence', where: source?.features.conditions['purchase'], horizonMs: 90 * 86_400_000 });
    expect(source?.models.asOf).toEqual({ everyMs: 90 * 86_400_000, anchorMs: Date.UTC(2011, 8, 9), historyMs: 180 * 86_400_000 });
    expect(source?.format.layouts[0]?.fields).toHaveLength(8);
    expect(source?.tileMs).toBe(86_400_000);
    const alibaba = parseSource(filesOf('alibaba')).source;
    expect(alibaba?.columns[6]?.type).toEqual({ name: 'list', of: { name: 'decimal', precision: 7, scale: 6 } });
    expect(alibaba?.features.aggregates[1]).toMatchObject({ kind: 'sum', of: 'is_last_page', windowRecords: 500, windowMs: undefined });
    expect(parseSource(filesOf('user-behavior')).source?.models.label).toMatchObject({ where: undefined });
  });

  it('gives a version that follows meaning and nothing else', () => {
    const version = (part: Part, from: string, to: string): string | undefined =>
      parseSource(filesOf('online-retail', (file, text) => file === part ? text.replace(from, to) : text)).source?.version;
    const now = version('schema', '', '');
    expect(version('schema', 'title: Invoices', 'title: All invoices')).toBe(now);
    expect(version('models', 'trees: 100', 'trees: 200')).toBe(now);
    expect(version('deployment', 'rescore_every: 7d', 'rescore_every: 1d')).toBe(now);
    const changed = [version('schema', 'lateness: 1d', 'lateness: 2d'), version('features', 'window: 30d', 'window: 31d'),
      version('features', 'unit_price > 0', 'unit_price > 1'), version('features', 'ret_n: returns', 'ret_n: returns + 1'), version('schema', 'decimal(10,3)', 'decimal(11,3)')];
    expect(new Set([now, ...changed]).size).toBe(6);
    expect(changed).not.toContain(undefined);
  });

  // Each mistake: source, file, what is replaced by what, and the problem it must cause, with its place.
  it.each<[string, Part, string, string, string]>([
    ['online-retail', 'schema', 'quantity:     { type: int', 'quantity:     { type: integr', 'schema.yaml:13:25 type: expected one of int, bigint, decimal(p,s), double, boolean, timestamp, date, string, list<…>, found \'integr\'; did you mean int?'],
    ['online-retail', 'schema', 'nullable: true', 'nulable: true', 'schema.yaml:12:53 description: unknown key nulable; did you mean nullable?'],
    ['online-retail', 'schema', 'nullable: true', 'nullable: yes', "schema.yaml:12:63 nullable: expected true or false, found 'yes'"],
    ['online-retail', 'schema', 'formula: quantity * unit_price', 'formula: quantity * unit_prise', 'schema.yaml:19:56 amount: unknown name unit_prise; did you mean unit_price?'],
    ['online-retail', 'schema', 'formula: quantity * unit_price', 'formula: quantity * country', 'schema.yaml:19:45 amount: *: expected numbers, found string'],
    ['online-retail', 'schema', "'decimal(14,3)', formula", 'int, formula', 'schema.yaml:19:33 amount: expected a formula of int, found double in \'quantity * unit_price\''],
    ['online-retail', 'schema', 'tile: 1d', 'tile: 1 day', "schema.yaml:22:7 tile: expected a duration such as 30s, 5m, 12h, 7d, found '1 day'"],
    ['online-retail', 'schema', 'entity: customer_id', 'entity: unit_price', 'schema.yaml:20:9 entity: expected a column of int, bigint or string, found unit_price (decimal(10,3))'],
    ['online-retail', 'schema', 'time_format:', 'timeformat:', 'schema.yaml:8:3 format: unknown key timeformat; did you mean time_format?'],
    ['online-retail', 'schema', 'country:  ', 'user:  ', 'schema.yaml:17:3 expected a name that SQL does not reserve, found user'],
    ['online-retail', 'features', 'orders_30d:     { distinct', 'orders_30d:     { distinkt', 'features.yaml:12:19 orders_30d: expected one of count, sum, mean, stddev, min, max, distinct, first, last, lag, sequence, time_since, duration, sessions, found distinkt, where, window, limit'],
    ['online-retail', 'features', 'where: purchase, window: 30d', 'where: purchases, window: 30d', "features.yaml:12:50 where: expected a condition (any, cancellation, purchase) or an expression, found 'purchases'; did you mean purchase?"],
    ['online-retail', 'features', 'window: 30d', 'window: 90m', "features.yaml:12:68 window: expected a multiple of the tile (86400 s), found '90m'"],
    ['online-retail', 'features', 'window: 30d', 'window: 500 records', "features.yaml:12:68 window: expected a duration such as 30d, found '500 records'"],
    ['online-retail', 'features', 'sum: amount, where: cancellation', 'sum: country, where: cancellation', 'features.yaml:19:26 returned: sum expected int, bigint, decimal, boolean, found country (string)'],
    ['online-retail', 'features', 'quantity <= 0\n', "quantity <= 'x'\n", 'features.yaml:2:41 cancellation: expected two values of one type, found int and string'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: money / frequ', 'features.yaml:28:16 aov: unknown name frequ; did you mean freq?'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: money / quantity', "features.yaml:28:8 aov: expected aggregates, earlier features or as_of, found the record's column quantity"],
    ['online-retail', 'features', 'aov: money / freq', 'aov: money / lines1e3', 'features.yaml:28:16 aov: unknown name lines1e3'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: money + 1e3', 'features.yaml:28:16 aov: expected a plain number such as 1000 or 0.5, found 1e3'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: money--freq', 'features.yaml:28:13 aov: -- starts a comment; for a - (-b) write the parentheses'],
    ['online-retail', 'features', 'state: [recency', 'state: [recencie', 'features.yaml:40:9 state: unknown feature recencie; did you mean recency?'],
    ['online-retail', 'features', 'orders_30d:     { distinct: invoice_no,', 'orders_30d:     { mean: unit_prise,', "features.yaml:12:27 orders_30d: expected a column, found 'unit_prise'; did you mean unit_price?"],
    ['online-retail', 'features', 'spent_30d:      { sum: amount,', 'spent_30d:      { mean: country,', 'features.yaml:15:27 spent_30d: mean expected int, bigint, decimal, boolean, found country (string)'],
    ['online-retail', 'features', 'spent_30d:      { sum: amount,', 'spent_30d:      { stddev: quantity,', 'spent_30d: stddev expected a column of integers (decimals without their point) up to 94906, so that sums of 1000000 squares are exact; found quantity (int), whose range allows up to 2147483648'],
    ['online-retail', 'features', 'spent_30d:      { sum: amount,', 'spent_30d:      { stddev: amount,', 'found amount (decimal(14,3)), whose type allows up to 99999999999999'],
    ['online-retail', 'features', 'window: 30d', 'tumbling: 90m', "features.yaml:12:70 tumbling: expected a multiple of the tile (86400 s), found '90m'"],
    ['online-retail', 'features', 'window: 30d', 'window: 30d, tumbling: 30d', 'features.yaml:12:83 tumbling: expected instead of window, found both'],
    ['online-retail', 'features', 'window: 30d', 'window: 30d, offset: 1 day', "features.yaml:12:81 offset: expected a duration such as 30d, found '1 day'"],
    ['online-retail', 'features', 'window: 30d', 'tumbling: 7d, offset: 10d', "features.yaml:12:82 offset: expected a multiple of the tumbling window, found '10d'"],
    ['online-retail', 'features', 'window: 30d', 'window: 30d, session: 30m', 'features.yaml:12:82 session: expected with one of count, sum, mean, min, max, duration, found distinct'],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sum: amount, session: 40d, window: 30d', "features.yaml:15:43 session: expected a gap up to the window, found '40d'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sum: amount, session: half, window: 30d', "features.yaml:15:43 session: expected a gap such as 30m, found 'half'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'duration: true, window: 30d', 'features.yaml:15:19 spent_30d: expected the key session, found duration, window'],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sessions: 30m, session: 30m, window: 30d', "features.yaml:15:45 session: expected with one session's aggregates"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'time_since: latest, window: 30d', "features.yaml:15:33 time_since: expected one of last, first, found 'latest'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'time_since: last, unit: weeks, window: 30d', "features.yaml:15:45 unit: expected one of seconds, minutes, hours, days, found 'weeks'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sum: amount, unit: days, window: 30d', 'features.yaml:15:40 unit: expected with time_since or duration only'],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'lag: amount, window: 30d', 'features.yaml:15:19 spent_30d: expected the key records, found lag, window'],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'lag: amount, records: 0, window: 30d', "features.yaml:15:43 records: expected an integer from 1 to 1000, found '0'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sequence: amount, length: 65, window: 30d', "features.yaml:15:47 length: expected an integer from 1 to 64, found '65'"],
    ['online-retail', 'features', 'sum: amount, where: purchase, window: 30d', 'sum: amount, mean: amount, window: 30d', 'features.yaml:15:19 spent_30d: expected one of count, sum, mean, stddev, min, max, distinct, first, last, lag, sequence, time_since, duration, sessions, found sum and mean'],
    ['online-retail', 'features', 'orders_30d:     { distinct: invoice_no', 'spent_mean__sum: { count: true, window: 30d }\n  spent_mean: { mean: amount, window: 30d }\n  orders_30d:     { distinct: invoice_no', 'features.yaml:12:3 expected a name that no part of an aggregate has, found spent_mean__sum, a part of spent_mean'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { ratio: [money] }', 'features.yaml:28:17 aov: ratio expected two names of aggregates or features, found 1'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { ratio: [money, frequ] }', 'features.yaml:28:25 aov: ratio: unknown name frequ; did you mean freq?'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { ratio: [money, last_country] }', 'features.yaml:28:25 aov: ratio: expected a number, found last_country (string)'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { ratio: [money, freq], by: 2 }', 'features.yaml:28:32 aov: unknown key by'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { ratoi: [money, freq] }', 'features.yaml:28:8 aov: expected a formula or one of ratio, rate_of_change, sequence, found a map'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { rate_of_change: { of: spend, over: 7d } }', "features.yaml:28:32 aov: of: expected an aggregate, found 'spend'; did you mean spent?"],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { rate_of_change: { of: spent } }', 'features.yaml:28:26 rate_of_change: expected the key over, found of'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { rate_of_change: { of: spent, over: 7h } }', "features.yaml:28:45 over: expected a multiple of the tile (86400 s), found '7h'"],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { rate_of_change: { of: last_country, over: 7d } }', 'features.yaml:28:32 aov: rate_of_change: expected a number, found last_country (string)'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: { sequence: spent }', 'features.yaml:28:20 aov: expected a sequence, found spent (sum)'],
    ['online-retail', 'features', 'aov: money / freq', 'aov__now: freq\n  aov: { rate_of_change: { of: spent, over: 7d } }', 'features.yaml:29:3 expected a name whose parts no other has, found aov__now twice'],
    ['online-retail', 'features', 'aov: money / freq', 'spent: money / freq', 'features.yaml:28:3 expected a name that no aggregate has, found spent'],
    ['online-retail', 'features', 'aov: money / freq', 'aov: sequence_at(spent, 1)', 'features.yaml:28:20 aov: sequence_at: expected the name of a sequence, found spent'],
    ['alibaba', 'features', 'recent_pages:    { count: true, window: 500 records }', 'recent_pages:    { count: true, window: 500 records, session: 30m }', 'features.yaml:2:65 session: expected only for a source with time; without, window: N records'],
    ['alibaba', 'features', 'recent_pages:    { count: true, window: 500 records }', 'recent_pages:    { time_since: last, window: 500 records }', 'features.yaml:2:34 recent_pages: time_since expected only for a source with time'],
    ['alibaba', 'features', 'recent_pages:    { count: true, window: 500 records }', 'recent_pages:    { count: true, window: 500 records, offset: 7d }', "features.yaml:2:64 offset: expected a number of records such as 500 records, found '7d'"],
    ['alibaba', 'features', 'recent_pages:    { count: true, window: 500 records }', 'recent_pages:    { sessions: 30m, window: 500 records }', 'features.yaml:2:20 recent_pages: sessions expected only for a source with time'],
    ['alibaba', 'features', 'ctr_mean: list_sum(item_ctr)', 'ctr_mean: list_sum(item_clicked)', 'features.yaml:12:13 ctr_mean: expected only what is known before the decision, found the outcome item_clicked'],
    ['alibaba', 'features', 'ctr_mean: list_sum(item_ctr)', 'ctr_mean: reward', 'features.yaml:12:13 ctr_mean: expected only what is known before the decision, found the outcome reward'],
    ['alibaba', 'features', 'page: page_id', "page: case when case when recent_pages > 3 then segment else 'a' end = 'a' then 1 else 0 end", "features.yaml:9:9 page: expected comparisons of the record's texts"],
    ['alibaba', 'features', 'page: page_id', 'hour: page_id', 'features.yaml:9:3 expected a name that no column has, found hour'],
    ['alibaba', 'schema', 'layout: observed', 'layout: obsrved', "schema.yaml:11:11 layout: expected one of observed, documented, found 'obsrved'"],
    ['alibaba', 'schema', 'observed: [age_level, gender, ', 'observed: [age_level, ', 'schema.yaml:9:15 layouts.observed: expected every column, found none of gender'],
    ['alibaba', 'schema', 'floor(list_min', 'flor(list_min', 'schema.yaml:12:27 layout_check: unknown function flor; did you mean floor(number)?'],
    ['alibaba', 'models', 'outcome: is_last_page', 'outcome: page_id', "models.yaml:3:19 outcome: expected a column with outcome: true, found 'page_id'"],
    ['alibaba', 'models', 'kind: gradient-boosting', 'kind: gradient-bosting', "found 'gradient-bosting'; did you mean gradient-boosting?"],
    ['alibaba', 'models', 'leaves: 15', 'leaves: 1.5', "models.yaml:9:79 leaves: expected an integer from 2 to 4096, found '1.5'"],
    ['alibaba', 'models', 'leaves: 15', 'calibrate: plat', "calibrate: expected one of platt, isotonic, found 'plat'; did you mean platt?"],
    ['alibaba', 'models', 'kind: gradient-boosting, trees: 60, learning_rate: 0.1, leaves: 15, min_rows_in_leaf: 50', 'kind: multi-layer-perceptron, hidden: [64, 0]', "hidden: expected a list of at most 16 integers from 1 to 8192, found '0'"],
    ['alibaba', 'models', 'kind: gradient-boosting, trees: 60, learning_rate: 0.1, leaves: 15, min_rows_in_leaf: 50', 'kind: multi-layer-perceptron, hidden: 64', "hidden: expected a list of at most 16 integers from 1 to 8192, found '64'"],
    ['alibaba', 'models', 'step: standardize', 'step: pca, component: 3', 'models.yaml:8:98 prepare: unknown key component; did you mean components?'],
    ['alibaba', 'models', 'step: standardize', 'step: pca, whiten: 1', "models.yaml:8:106 whiten: expected true or false, found '1'"],
    ['alibaba', 'models', 'step: standardize', 'step: impute, strategy: mode', "models.yaml:8:111 strategy: expected one of mean, median, most_frequent, constant, found 'mode'"],
    ['alibaba', 'models', 'step: standardize', 'step: standardise', "models.yaml:8:93 step: expected one of signed_log1p, standardize, min_max, robust, impute, one_hot, polynomial, pca, found 'standardise'; did you mean standardize?"],
    ['alibaba', 'models', 'step: standardize', 'step: min_max, columns: [pages]', "models.yaml:8:112 columns: expected a model feature, found 'pages'"],
    ['alibaba', 'models', 'step: standardize', 'step: min_max, columns: [page], except: [page]', 'min_max: expected either columns or except, found both'],
    ['alibaba', 'models', 'leaves: 15', 'calibrate: plat', "calibrate: expected one of platt, isotonic, found 'plat'; did you mean platt?"],
    ['alibaba', 'models', 'leaves: 15', 'leafs: 15', 'models.yaml:9:71 boosting: unknown key leafs; did you mean leaves?'],
    ['alibaba', 'models', 'test_share: 0.2', 'test_share: 2', "models.yaml:4:24 test_share: expected a number from 0.01 to 0.9, found '2'"],
    ['alibaba', 'deployment', 'partitions: 1', 'partitions: 0', "deployment.yaml:1:13 partitions: expected an integer from 1 to 1024, found '0'"],
    ['user-behavior', 'models', 'within: 30m', 'within: 30s', "models.yaml:3:35 within: expected a multiple of the tile (60 s), found '30s'"],
    ['user-behavior', 'models', 'anchor: 2017-11-26', 'anchor: 2017-13-26', "models.yaml:4:30 anchor: expected a date such as 2011-09-09 or 2011-09-09T06:00:00Z, found '2017-13-26'"],
  ])('says where and what: %s %s.yaml, %s -> %s', (name, part, from, to, expected) => {
    const problems = problemsOf(name, part, from, to);
    expect(problems).toContainEqual(expect.stringContaining(expected));
  });

  it('reads steps with their options; behind a step that names columns anew any name goes', () => {
    const steps = '{ step: impute, strategy: median, indicator: true }, { step: pca, components: 0.9, except: [page missing] }';
    const { source, problems } = parseSource(filesOf('alibaba', (part, text) => part === 'models' ? text.replace('{ step: signed_log1p }, { step: standardize }', steps) : text));
    expect(problems).toEqual([]);
    const network = parseSource(filesOf('alibaba', (part, text) => part === 'models' ? text.replace(/kind: gradient-boosting[^}]*/, 'kind: multi-layer-perceptron, hidden: [32, 16], activation: tanh, calibrate: isotonic ') : text));
    expect(network.source?.models.models[2]).toEqual({ name: 'boosting', kind: 'multi-layer-perceptron', feature: undefined, parameters: { hidden: [32, 16], activation: 'tanh' }, prepare: [], calibrate: 'isotonic' });
    expect(source?.models.models[1]?.prepare).toEqual([{ step: 'impute', strategy: 'median', indicator: true }, { step: 'pca', components: 0.9, except: ['page missing'] }]);
  });

  it('reads a calibration, of a classifier only', () => {
    const withTask = (task: string): ReturnType<typeof parseSource> => parseSource(filesOf('alibaba', (part, text) => part === 'models' ? text.replace('leaves: 15', 'calibrate: isotonic').replace('task: classification', `task: ${task}`) : text));
    expect(withTask('classification').source?.models.models.find(({ kind }) => kind === 'gradient-boosting')?.calibrate).toBe('isotonic');
    expect(withTask('regression').problems.map(({ message }) => message)).toContainEqual(expect.stringContaining('calibrate: expected with task classification only, found regression'));
  });

  it('takes aggregates apart into what is kept exactly, forms of features into formulas', () => {
    const added = `  spent_7d: { sum: amount, where: purchase, window: 7d }
  mean_spent: { mean: amount, window: 30d, offset: 30d }
  mean_quantity: { mean: quantity, tumbling: 7d }
  since: { time_since: first, window: 365d, unit: hours }
  newest: { sequence: amount, length: 2, window: 30d }
  visit: { duration: true, session: 30m, window: 1d, unit: minutes }
features:
  growth: { rate_of_change: { of: mean_spent, over: 7d } }
  share: { ratio: [spent_7d, spent] }
  amounts: { sequence: newest }`;
    const { source, problems } = parseSource(filesOf('online-retail', (part, text) => part === 'features' ? text.replace('features:', added) : text));
    expect(problems).toEqual([]);
    const day = 86_400_000;
    const part = (name: string): unknown => source?.features.aggregates.find((aggregate) => aggregate.name === name);
    expect(part('mean_spent__sum')).toMatchObject({ kind: 'sum', of: 'amount', windowMs: 30 * day, offsetMs: 30 * day });
    expect(part('mean_spent__count')).toMatchObject({ kind: 'count', of: 'amount' });
    expect(part('mean_quantity__count')).toMatchObject({ kind: 'count', of: undefined, tumbling: true });
    expect(part('growth__now__sum')).toMatchObject({ windowMs: 7 * day, offsetMs: 30 * day });
    expect(part('growth__before__sum')).toMatchObject({ windowMs: 7 * day, offsetMs: 37 * day });
    expect(part('newest__2')).toMatchObject({ kind: 'lag', back: 2 });
    expect(part('visit__ms')).toMatchObject({ kind: 'duration', of: undefined, sessionMs: 1_800_000 });
    expect(source?.features.composed).toEqual([
      { name: 'mean_spent', finish: 'mean', parts: ['mean_spent__sum', 'mean_spent__count'] },
      { name: 'mean_quantity', finish: 'mean', parts: ['mean_quantity__sum', 'mean_quantity__count'] },
      { name: 'since', finish: 'time_since', parts: ['since__first'], unitMs: 3_600_000 },
      { name: 'newest', finish: 'sequence', parts: ['newest__1', 'newest__2'] },
      { name: 'visit', finish: 'duration', parts: ['visit__ms'], unitMs: 60_000 },
      { name: 'growth__now', finish: 'mean', parts: ['growth__now__sum', 'growth__now__count'] },
      { name: 'growth__before', finish: 'mean', parts: ['growth__before__sum', 'growth__before__count'] },
    ]);
    expect(source?.features.features.slice(0, 4)).toEqual([
      { name: 'growth', formula: '(growth__now - growth__before) / growth__before' }, { name: 'share', formula: 'spent_7d / spent' },
      { name: 'amounts_1', formula: 'sequence_at(newest, 1)' }, { name: 'amounts_2', formula: 'sequence_at(newest, 2)' },
    ]);
  });

  it('reads the example of docs/features.md', () => {
    const example = /```yaml\n([^]*?)```/.exec(readFileSync(`${ROOT}/docs/features.md`, 'utf8'))?.[1] ?? expect.fail('expected an example');
    const files = filesOf('user-behavior', (part, text) => part === 'features' ? `${example}${text.slice(text.indexOf('\nreward:') + 1)}`
      : part === 'models' ? `${text.slice(0, text.indexOf('features:'))}features: [view_share]\nmodels:\n  alone: { kind: one-feature, feature: view_share }\n` : text);
    const { source, problems } = parseSource(files);
    expect(problems).toEqual([]);
    expect(source?.features.features.map(({ name }) => name)).toEqual(source?.features.state);
  });

  it('reports every mistake of a file, in order', () => {
    const { problems } = parseSource(filesOf('online-retail', (part, text) => part === 'schema' ? text.replace('type: int', 'type: itn').replace('entity:', 'entiti:') : text));
    expect(problems.map((problem) => problem.line)).toEqual([1, 13, 20]);
  });

  it('reports broken YAML and empty files with their place', () => {
    const broken = parseSource(filesOf('alibaba', (part, text) => part === 'schema' ? 'source: a\n  b: [1, 2\n' : text)).problems;
    expect(broken[0]).toMatchObject({ path: 'schema.yaml', line: 1 });
    const empty = parseSource(filesOf('alibaba', (part, text) => part === 'features' ? '' : text)).problems;
    expect(empty).toEqual([{ path: 'features.yaml', line: 1, column: 1, message: 'expected keys with values, found nothing' }]);
    const twice = parseSource(filesOf('alibaba', (part, text) => part === 'schema' ? `${text}\nentity: gender\n` : text)).problems;
    expect(twice[0]?.message).toMatch(/unique/);
  });
});
