/**
 * The three sources as plain values, for specs alone: what reading `sources/<name>/*.yaml` gives, so far as records are concerned.
 * Features and models are left empty here.
 */
import type { DelimitedFormat, Source, SourceColumn } from '../sources/source.ts';
import type { ColumnType, ScalarType } from './columns.ts';

const INT: ScalarType = { name: 'int' };
const BIGINT: ScalarType = { name: 'bigint' };
const STRING: ScalarType = { name: 'string' };
const TIMESTAMP: ScalarType = { name: 'timestamp' };
const DAY_MS = 86_400_000;

/** A decimal type. */
export function decimal(precision: number, scale: number): ScalarType {
  return { name: 'decimal', precision, scale };
}

/** A list type. */
export function list(of: ScalarType): ColumnType {
  return { name: 'list', of };
}

/** A column with nothing special about it. */
export function column(name: string, type: ColumnType, more: Partial<SourceColumn> = {}): SourceColumn {
  return {
    name,
    field: name,
    type,
    nullable: false,
    range: undefined,
    allowed: undefined,
    zeroFraction: false,
    outcome: false,
    description: '',
    ...more,
  };
}

/** A source of these columns with one layout, their own order, and no features. */
export function sourceOf(name: string, columns: readonly SourceColumn[], format: Partial<DelimitedFormat>, more: Partial<Source> = {}): Source {
  return {
    name,
    title: name,
    version: '0'.repeat(64),
    format: {
      kind: 'delimited',
      separator: ',',
      quote: undefined,
      header: false,
      listSeparator: undefined,
      layouts: [{ name: 'standard', fields: columns.map((each) => each.name) }],
      layout: format.layouts?.[0].name ?? 'standard',
      layoutCheck: undefined,
      lists: undefined,
      timeFormat: 'iso',
      maxLineBytes: 65_536,
      ...format,
    },
    columns,
    derived: [],
    rejects: [],
    entity: columns[0].name,
    time: undefined,
    tileMs: undefined,
    latenessMs: 0,
    checks: [],
    features: {
      conditions: {}, aggregates: [], composed: [], features: [], population: undefined, state: [], reward: '0', action: '0', terminal: undefined, visit: undefined,
    },
    models: {
      target: 'churn', task: 'classification', label: { kind: 'absence', where: undefined, horizonMs: DAY_MS }, features: [], asOf: undefined,
      holdout: undefined, models: [],
    },
    deployment: {
      partitions: 1, rescoreEveryMs: undefined, gate: { metric: 'rocAuc', atLeast: 0.5, maxDrop: 0.05, beatsBaseline: false },
    },
    ...more,
  };
}

const ITEM_FIELDS = [
  'item_position', 'item_ctr', 'item_cvr', 'item_price', 'item_clicked', 'item_carted', 'item_favourited', 'item_paid', 'item_channel', 'is_last_page',
];

export const ALIBABA: Source = sourceOf(
  'alibaba',
  [
    column('age_level', INT, { range: [0, 8] }),
    column('gender', INT, { range: [0, 2] }),
    column('purchase_power', INT, { range: [0, 7] }),
    column('page_id', INT, { range: [0, 11] }),
    column('hour', INT, { range: [0, 23] }),
    column('item_position', list(INT), { range: [0, 599] }),
    column('item_ctr', list(decimal(7, 6)), { range: [0, 1] }),
    column('item_cvr', list(decimal(7, 6)), { range: [0, 1] }),
    column('item_price', list(decimal(9, 2))),
    column('item_clicked', list(INT), { range: [0, 1], outcome: true }),
    column('item_carted', list(INT), { range: [0, 1], outcome: true }),
    column('item_favourited', list(INT), { range: [0, 1], outcome: true }),
    column('item_paid', list(decimal(9, 2)), { outcome: true }),
    column('item_channel', list(INT), { range: [0, 9] }),
    column('is_last_page', INT, { range: [0, 1], outcome: true }),
  ],
  {
    separator: ';',
    listSeparator: ',',
    layouts: [
      { name: 'observed', fields: ['age_level', 'gender', 'purchase_power', 'page_id', 'hour', ...ITEM_FIELDS] },
      { name: 'documented', fields: ['page_id', 'hour', 'age_level', 'gender', 'purchase_power', ...ITEM_FIELDS] },
    ],
    layoutCheck: 'page_id = floor(list_min(item_position) / 50) and page_id = floor(list_max(item_position) / 50)',
    lists: { length: 50, by: 'item_price', pad: '0' },
    timeFormat: 'iso',
  },
  {
    derived: [
      {
        name: 'segment',
        type: STRING,
        formula: "cast(age_level as string) || '-' || cast(gender as string) || '-' || cast(purchase_power as string)",
      },
    ],
    entity: 'segment',
  },
);

export const USER_BEHAVIOR: Source = sourceOf(
  'user-behavior',
  [
    column('user_id', BIGINT, { range: [0, Number.MAX_SAFE_INTEGER] }),
    column('item_id', BIGINT, { range: [0, Number.MAX_SAFE_INTEGER] }),
    column('category_id', BIGINT, { range: [0, Number.MAX_SAFE_INTEGER] }),
    column('behavior', STRING, { allowed: ['pv', 'cart', 'fav', 'buy'] }),
    column('event_time', TIMESTAMP),
  ],
  { layouts: [{ name: 'published', fields: ['user_id', 'item_id', 'category_id', 'behavior', 'event_time'] }], timeFormat: 'unix-seconds' },
  {
    entity: 'user_id',
    time: 'event_time',
    tileMs: 60_000,
    latenessMs: 600_000,
    deployment: {
      partitions: 4, rescoreEveryMs: undefined, gate: { metric: 'rocAuc', atLeast: 0.6, maxDrop: 0.05, beatsBaseline: true },
    },
  },
);

export const ONLINE_RETAIL: Source = sourceOf(
  'online-retail',
  [
    column('invoice_no', STRING, { field: 'InvoiceNo' }),
    column('stock_code', STRING, { field: 'StockCode' }),
    column('description', STRING, { field: 'Description', nullable: true }),
    column('quantity', INT, { field: 'Quantity' }),
    column('invoice_date', TIMESTAMP, { field: 'InvoiceDate' }),
    column('unit_price', decimal(10, 3), { field: 'UnitPrice' }),
    column('customer_id', INT, { field: 'CustomerID', zeroFraction: true }),
    column('country', STRING, { field: 'Country' }),
  ],
  { quote: '"', header: true, timeFormat: 'yyyy-MM-dd HH:mm:ss' },
  { entity: 'customer_id', time: 'invoice_date', tileMs: DAY_MS, latenessMs: DAY_MS },
);
