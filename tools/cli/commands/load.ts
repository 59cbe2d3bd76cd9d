import { openDelivery, type Delivery } from '../../../apps/batch-layer/src/gates/delivery.ts';
import { loadDelivery, type LoadReport } from '../../../apps/batch-layer/src/gates/load-delivery.ts';
import { DeliveryRefused } from '../../../apps/batch-layer/src/gates/stage-delivery.ts';
import type { Source } from '#tideline/retention';
import { refused } from '../command-error.ts';
import type { CommandContext } from '../context.ts';
import { formatNumber } from '../output.ts';
import { describeRun } from './validate.ts';

/** What `replay` does for a source that is loaded by whole deliveries: the checks decide whether production changes. */
export async function loadDeliveryFile(context: CommandContext, source: Source, file: string, asOfMs: number | undefined): Promise<void> {
  await loadAsDelivery(context, source, await openDelivery(file), asOfMs);
}

export async function loadAsDelivery({ world, output, signal }: CommandContext, source: Source, delivery: Delivery, asOfMs: number | undefined): Promise<void> {
  const doors = { store: await world.store(), lake: await world.lake(), sql: await world.sql() };
  let report: LoadReport;
  try {
    report = await loadDelivery({ source, delivery, clock: world.clock, asOfMs, signal }, doors);
  } catch (error) {
    if (error instanceof DeliveryRefused) throw refused(error.message, 'nothing was published');
    throw error;
  }
  output.result(report, () => `${describeRun(report)}\n${describeEnd(report)}`);
  if (report.ended === 'refused') throw refused(`${delivery.name} was not loaded: production is as it was`, `what failed is in silver.${source.name.replaceAll('-', '_')}_rejects; \`tideline replay corrections.jsonl --rejects --source ${source.name}\` writes a file to correct it in`);
}

function describeEnd({ ended, changes, window }: LoadReport): string {
  const days = `${window.start.slice(0, 10)} to before ${window.end.slice(0, 10)}`;
  if (ended === 'already-loaded') return `this delivery is what production has of ${days}: nothing was done`;
  if (changes === undefined) return `nothing was loaded of ${days}`;
  const { inserted, updated, unchanged, deactivated, reactivated } = changes;
  return `loaded ${days}: ${formatNumber(inserted)} inserted, ${formatNumber(updated)} updated, ${formatNumber(unchanged)} unchanged, ${formatNumber(deactivated)} vanished (now inactive), ${formatNumber(reactivated)} came back`;
}
