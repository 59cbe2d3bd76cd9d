import assert from 'node:assert/strict';
import { accountLines, activeUserLines, demographicLines, marketplaceLines, paymentLines } from './payments-files.ts';
import { eventLines, userLines } from './subscription-files.ts';

/** How large a synthetic world is; the same numbers give the same bytes. */
export interface GenerateTablesOptions {
  readonly seed: number;
  /** Users or customers, 2,000 by default. */
  readonly entities?: number;
  /** Days of events; the source's own by default. */
  readonly days?: number;
}

/** One file of a synthetic world, in its table's own format; the bytes come in blocks of whole lines. */
export interface SyntheticFile {
  readonly table: string;
  readonly fileName: string;
  readonly blocks: Iterable<Uint8Array>;
}

interface SyntheticTables {
  readonly days: number;
  readonly startMs: number;
  readonly files: readonly { readonly table: string; readonly fileName: string; lines(shape: { seed: number; entities: number; days: number; startMs: number }): Iterable<string> }[];
}

const WORLDS: Readonly<Record<string, SyntheticTables>> = {
  payments: {
    days: 365,
    startMs: Date.UTC(2024, 0, 1),
    files: [
      { table: 'payments', fileName: 'PAYMENTS.csv', lines: paymentLines },
      { table: 'active_users', fileName: 'ACTIVE_USER.csv', lines: activeUserLines },
      { table: 'demographics', fileName: 'DEMOGRAFICOS.csv', lines: demographicLines },
      { table: 'account_money', fileName: 'DINERO_CUENTA.csv', lines: accountLines },
      { table: 'marketplace', fileName: 'MARKETPLACE_DATA.csv', lines: marketplaceLines },
    ],
  },
  subscription: {
    // In a shorter time a model can't see long silence end in churn before it is judged.
    days: 240,
    startMs: Date.UTC(2026, 0, 1),
    files: [
      { table: 'users', fileName: 'users.csv', lines: userLines },
      { table: 'events', fileName: 'events.csv', lines: eventLines },
    ],
  },
};

const ENTITIES = 2_000;
const BLOCK_CHARACTERS = 1 << 16;

/** Names of the sources of several tables that synthetic files can be made for. */
export const SYNTHETIC_TABLE_SOURCES: readonly string[] = Object.keys(WORLDS);

/** Synthetic files of a source of several tables: plausible, learnable, and nobody's. */
export function generateTables(source: string, { seed, entities = ENTITIES, days }: GenerateTablesOptions): readonly SyntheticFile[] {
  const world = WORLDS[source];
  assert(world !== undefined, `expected one of ${SYNTHETIC_TABLE_SOURCES.join(', ')}, found ${source}`);
  const shape = { seed, entities, days: days ?? world.days, startMs: world.startMs };
  return world.files.map(({ table, fileName, lines }) => ({ table, fileName, blocks: { [Symbol.iterator]: () => blocksOf(lines(shape)) } }));
}

function* blocksOf(lines: Iterable<string>): Generator<Uint8Array, void, undefined> {
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < BLOCK_CHARACTERS) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}
