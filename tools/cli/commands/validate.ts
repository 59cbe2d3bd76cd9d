import type { Command } from 'commander';
import { openDelivery } from '../../../apps/batch-layer/src/gates/delivery.ts';
import { checkDelivery } from '../../../apps/batch-layer/src/gates/load-delivery.ts';
import { DeliveryRefused } from '../../../apps/batch-layer/src/gates/stage-delivery.ts';
import { NothingToValidateError, validateLake } from '../../../apps/batch-layer/src/gates/validate-lake.ts';
import type { RunReport } from '../../../apps/batch-layer/src/gates/run-report.ts';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatNumber, formatTable } from '../output.ts';
import { parseTime } from '../parse-quantity.ts';

export function addValidate(program: Command, run: Runner): void {
  program
    .command('validate')
    .argument('<source>')
    .argument('[file]', 'a file that is looked at and not loaded, instead of the tables')
    .option('--as-of <day>', 'of a file that is a whole delivery: the last day of its window', parseTime('as-of'))
    .description('the source\'s checks on its tables, or on a file; a report as JSON and HTML, failing rows in the rejects table')
    .action(run(validate));
}

async function validate({ world, output, signal }: CommandContext, name: string, file: string | undefined, options: { readonly asOf?: number }): Promise<void> {
  const source = await world.source(name);
  const doors = { store: await world.store(), lake: await world.lake(), sql: await world.sql() };
  let report: RunReport;
  try {
    report = file === undefined ? await validateLake(source, doors, world.clock, signal) : await checkDelivery({ source, delivery: await openDelivery(file), clock: world.clock, asOfMs: options.asOf, signal }, doors);
  } catch (error) {
    if (error instanceof NothingToValidateError || error instanceof DeliveryRefused) throw refused(error.message);
    throw error;
  }
  output.result(report, () => describeRun(report));
  const failed = report.results.filter(({ verdict }) => verdict === 'failed');
  if (failed.length > 0) throw refused(`${failed.length} of ${report.results.length} checks failed: ${failed.map(({ suite, check }) => `${suite}/${check}`).join(', ')}`);
}

/** A run for people: each check, what was counted, where the document lies. */
export function describeRun({ source, run, verdict, input, results, absent, rejected, counts }: RunReport): string {
  return [
    `${source}: ${verdict} (${input})`,
    formatTable(['verdict', 'suite', 'check', 'severity', 'expected', 'found'], results.map((result) => [result.verdict, result.suite, result.check, result.severity, result.expected, result.found])),
    ...absent.map((suite) => `note: suite ${suite} was left out, its table does not exist yet`),
    ...Object.entries(counts).map(([what, count]) => `${what}: ${formatNumber(count)}`),
    `${formatNumber(rejected)} rows rejected; document gold/reports/${source}/${run}.html`,
  ].join('\n');
}
