import { fileSource, inspectLog, tableNamesOf, type Source } from '#tideline/retention';
import { compileLayoutCheck } from './layout-check.ts';
import { ReplayRefused } from './replay-refused.ts';

/**
 * The table that a file is of: the one that is named, else the only one whose header and rows the head has. Undefined for a source of one table.
 * `head` is undefined for a pipe, which can't be looked at beforehand.
 */
export function chooseTable(source: Source, path: string, named: string | undefined, head: { readonly bytes: Uint8Array; readonly whole: boolean } | undefined): string | undefined {
  const known = tableNamesOf(source);
  if (source.tables === undefined) {
    if (named !== undefined) throw new ReplayRefused('wrong-option', `expected no table: ${source.name} has one table only, found ${named}`);
    return undefined;
  }
  if (named !== undefined) {
    if (known.includes(named)) return named;
    throw new ReplayRefused('wrong-option', `expected a table of ${source.name} (${known.join(', ')}), found ${named}`);
  }
  if (head === undefined) throw new ReplayRefused('wrong-option', `expected the table of ${path} to be named, one of ${known.join(', ')}, found none: a pipe can't be looked at beforehand`);
  const inspections = known.map((table) => {
    const asTable = fileSource(source, table);
    const layoutCheck = compileLayoutCheck(asTable);
    return { table, inspection: inspectLog(asTable, head.bytes, { whole: head.whole, ...(layoutCheck && { layoutCheck }) }) };
  });
  const fitting = inspections.filter(({ inspection }) => inspection.fits).map(({ table }) => table);
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1) throw new ReplayRefused('wrong-option', `${path} fits the tables ${fitting.join(' and ')} of ${source.name}: name the one that is meant`);
  const reasons = inspections.map(({ table, inspection }) => `${table}: ${inspection.problems[0]}`);
  throw new ReplayRefused('wrong-layout', `${path} does not read as a table of ${source.name}: ${reasons.join('; ')}`);
}
