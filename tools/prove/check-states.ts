import { createHash } from 'node:crypto';
import type { EventLog, ObjectStore } from '#tideline/platform';
import { SourceProcessor, type RecordCodec, type Source } from '#tideline/retention';
import { Checkpoints } from '#tideline/streaming';
import { Tally, type Check } from './proof.ts';

/** The group under which the speed layer commits and saves its states. */
export const GROUP = 'speed-layer';

/**
 * Holds the state that the speed layer saved last in each partition against the one that an undisturbed processor came to: the offset it covers, and
 * its bytes. Every feature of every entity as of the last borders that can still be asked for is compared as well: it names what differs.
 */
export async function checkStates(source: Source, codec: RecordCodec, doors: { readonly log: EventLog; readonly store: ObjectStore }, processors: ReadonlyMap<number, SourceProcessor>): Promise<Check> {
  const topic = `raw.${source.name}`;
  const tally = new Tally('saved states: entities');
  for (const [partition, expected] of processors) {
    for (const [entity, features] of meaningOf(source, expected)) tally.expect(`partition ${partition}, ${entity}`, features);
    const committed = await doors.log.committed(GROUP, topic, partition);
    const { checkpoint } = await new Checkpoints(doors.store, { group: GROUP, topic, partition }).newest(Infinity);
    if (checkpoint === undefined || committed === undefined) continue;
    tally.expect(`partition ${partition}, offset covered`, String(committed.offset));
    tally.find(`partition ${partition}, offset covered`, String(checkpoint.offset));
    const saved = new SourceProcessor(source, { partition, codec, transitionSchemaId: 1 });
    saved.restore(checkpoint.state);
    tally.expect(`partition ${partition}, bytes`, digest(expected.snapshot()));
    tally.find(`partition ${partition}, bytes`, digest(checkpoint.state));
    for (const [entity, features] of meaningOf(source, saved)) tally.find(`partition ${partition}, ${entity}`, features);
  }
  return tally.check();
}

const digest = (bytes: Uint8Array): string => `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;

function* meaningOf(source: Source, processor: SourceProcessor): Iterable<readonly [entity: string, features: string]> {
  const out = new Float64Array(processor.featureNames.length);
  yield ['watermark', String(processor.watermarkMs)];
  const { tileMs, latenessMs } = source;
  const border = tileMs === undefined ? NaN : Math.floor(processor.watermarkMs / tileMs) * tileMs;
  const times = tileMs === undefined ? [NaN] : [border, border + tileMs, border + latenessMs + tileMs];
  for (const entity of processor.entities()) {
    const parts = times.map((asOfMs) => {
      processor.valueAsOf(entity, asOfMs, out);
      return Buffer.from(out.buffer).toString('base64');
    });
    yield [entity, parts.join(' ')];
  }
}
