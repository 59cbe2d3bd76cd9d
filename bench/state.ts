import { AHEAD, planTracks, ValueTables, WindowState, type Source } from '#tideline/retention';
import { events } from './events.ts';
import { report } from './report.ts';

// One update and one row of features after each event, in event order, on one core: count, sum, gap, and counts and sums of 7, 14 and 30
// days up to the end of the event's day, as the peers compute them.
const DAY_MS = 86_400_000;
const { count, seconds, keys, cents, origin } = events();
const windows = [60, 7, 14, 30];
const amount = { name: 'amount', type: { name: 'decimal', precision: 12, scale: 2 } } as const;
const source = {
  columns: [{ ...amount, field: 'amount', nullable: false, range: undefined, allowed: undefined, zeroFraction: false, outcome: false, description: '' }],
  derived: [],
  tileMs: DAY_MS,
  features: {
    aggregates: windows.flatMap((days) => [
      { name: `count_${days}d`, kind: 'count', of: undefined, where: undefined, windowMs: days * DAY_MS, windowRecords: undefined, limit: undefined },
      { name: `sum_${days}d`, kind: 'sum', of: 'amount', where: undefined, windowMs: days * DAY_MS, windowRecords: undefined, limit: undefined },
    ]),
    population: undefined,
  },
} as unknown as Pick<Source, 'columns' | 'derived' | 'features' | 'tileMs'>;

const plan = planTracks(source);
const state = new WindowState(plan, new ValueTables(plan.tracks));
const inputs = { width: 2, passes: new Uint8Array(2).fill(1), values: new Float64Array(2) };
const out = new Float64Array(plan.aggregates.length);
const texts: (string | null)[] = [];
// The peers' keys are numbers; here they are the bytes of their decimal text, packed in the order of the events as a topic carries them.
const keyOffsets = new Uint32Array(count + 1);
const keyBytes = Buffer.alloc(count * 6);
for (let i = 0; i < count; i++) keyOffsets[i + 1] = keyOffsets[i]! + keyBytes.write(String(keys[i]), keyOffsets[i], 'latin1');

let checksum = 0;
let gaps = 0;
const started = performance.now();
run();
const elapsed = (performance.now() - started) / 1000;
process.stderr.write(`${origin}: ${count} events, sum of 14-day counts ${checksum}, mean gap ${Math.round(gaps / count / 1000)} s\n`);
report([
  { name: 'rolling state, features after each event', value: count / elapsed, unit: 'events/s', floor: 1e6, aim: 3e6 },
  { name: 'rolling state, bytes an entity', value: state.byteSize / state.entityCount, unit: 'B', floor: 2048, lowerIsBetter: true },
]);

function run(): void {
  let day = -1;
  for (let i = 0; i < count; i++) {
    if (i % AHEAD === 0) state.loadAhead(keyBytes, keyOffsets, i, Math.min(i + AHEAD, count));
    const timeMs = seconds[i]! * 1000;
    const today = Math.floor(timeMs / DAY_MS);
    if (today !== day) {
      day = today;
      state.evict(timeMs, () => undefined);
    }
    const keyStart = keyOffsets[i]!;
    const keyEnd = keyOffsets[i + 1]!;
    let slot = state.entities.find(keyBytes, keyStart, keyEnd);
    if (slot < 0) slot = state.entities.insert(keyBytes, keyStart, keyEnd);
    else gaps += timeMs - state.lastTimeMs[slot]!;
    inputs.values[1] = cents[i]!;
    state.add(slot, timeMs, inputs, 0);
    state.valueAsOf(slot, (today + 1) * DAY_MS, out, texts);
    checksum += out[4]!;
  }
}
