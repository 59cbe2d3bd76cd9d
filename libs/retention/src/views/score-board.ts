import type { ChurnScore } from '../decisions/score-writer.ts';

/** A score as it came, without having been read in full. */
interface HeldScore {
  readonly bytes: Uint8Array;
  readonly probability: number;
  /** Position of its source in order of arrival: newer scores have larger ones. */
  readonly arrival: number;
}

export interface ScoreBoardOptions {
  /** Entities held at most; the one whose score is oldest goes first. */
  readonly entities: number;
  /** Width of the span over which `ratePerSecond` is taken, ms. */
  readonly rateWindowMs?: number;
}

/**
 * The latest live score of each entity of one source, as the bytes that arrived: parsing waits until somebody asks. A later
 * arrival replaces an earlier one, so scores must come in log order.
 */
export class ScoreBoard {
  /** In order of arrival, oldest first: a renewed entity moves to the end. */
  readonly #held = new Map<string, HeldScore>();
  readonly #limit: number;
  readonly #rate: RateMeter;
  #arrivals = 0;

  constructor(options: ScoreBoardOptions) {
    this.#limit = options.entities;
    this.#rate = new RateMeter(options.rateWindowMs ?? 10_000);
  }

  /** Entities held. */
  get size(): number {
    return this.#held.size;
  }

  /** Scores ever added. */
  get total(): number {
    return this.#arrivals;
  }

  /** Takes one score's JSON as it stands on the topic; bytes are copied. False when it is no score. `nowMs` feeds the rate. */
  add(bytes: Uint8Array, nowMs: number): boolean {
    const head = readHead(bytes);
    if (head === undefined) return false;
    this.#held.delete(head.entity);
    this.#held.set(head.entity, { bytes: bytes.slice(), probability: head.probability, arrival: this.#arrivals++ });
    if (this.#held.size > this.#limit) for (const oldest of this.#held.keys()) { this.#held.delete(oldest); break; }
    this.#rate.count(nowMs);
    return true;
  }

  get(entity: string): ChurnScore | undefined {
    const held = this.#held.get(entity);
    return held === undefined ? undefined : parse(held);
  }

  /** The `limit` entities most at risk, highest probability first, newer first among equals; scores without probability are left out. */
  top(limit: number): ChurnScore[] {
    const heap: HeldScore[] = [];
    for (const held of this.#held.values()) {
      if (held.probability !== held.probability) continue;
      if (heap.length < limit) siftUp(heap, heap.push(held) - 1);
      else if (limit > 0 && isLess(heap[0], held)) {
        heap[0] = held;
        siftDown(heap);
      }
    }
    return heap.sort((a, b) => isLess(a, b) ? 1 : -1).map(parse);
  }

  /** Scores a second over the span before `nowMs`. */
  ratePerSecond(nowMs: number): number {
    return this.#rate.perSecond(nowMs);
  }
}

/** Counts by the second in a ring, so that a rate costs no memory per score. Times are handed in and never go back by much. */
export class RateMeter {
  readonly #counts: Float64Array;
  #second = -Infinity;

  constructor(windowMs: number) {
    this.#counts = new Float64Array(Math.max(1, Math.ceil(windowMs / 1000)));
  }

  count(nowMs: number, number = 1): void {
    this.#advance(Math.floor(nowMs / 1000));
    this.#counts[this.#second % this.#counts.length] += number;
  }

  /** Mean over the whole seconds of the window that ends with the current one. */
  perSecond(nowMs: number): number {
    this.#advance(Math.floor(nowMs / 1000));
    return this.#counts.reduce((sum, count) => sum + count, 0) / this.#counts.length;
  }

  #advance(second: number): void {
    if (second <= this.#second) return;
    const { length } = this.#counts;
    const passed = Math.min(length, second - this.#second);
    for (let k = 0; k < passed; k++) this.#counts[(second - k) % length] = 0;
    this.#second = second;
  }
}

const ENTITY = Buffer.from('"entity":');
const PROBABILITY = Buffer.from('"churnProbability":');

/** Entity and probability, found without parsing the rest: both stand before anything a user could have written but the entity. */
function readHead(bytes: Uint8Array): { entity: string; probability: number } | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entityAt = view.indexOf(ENTITY);
  if (entityAt < 0 || view[entityAt + ENTITY.length] !== 0x22) return undefined;
  const start = entityAt + ENTITY.length;
  let end = start + 1;
  while (end < view.length && view[end] !== 0x22) end += view[end] === 0x5c ? 2 : 1;
  const probabilityAt = view.indexOf(PROBABILITY, end);
  if (probabilityAt < 0) return undefined;
  const from = probabilityAt + PROBABILITY.length;
  const text = view.toString('latin1', from, view.indexOf(0x2c, from));
  const entity = parseText(view.toString('utf8', start, end + 1));
  return entity === undefined ? undefined : { entity, probability: text === 'null' ? NaN : Number(text) };
}

function parseText(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function parse(held: HeldScore): ChurnScore {
  return JSON.parse(Buffer.from(held.bytes.buffer, held.bytes.byteOffset, held.bytes.length).toString('utf8')) as ChurnScore;
}

/** Whether `a` ranks below `b`. */
function isLess(a: HeldScore, b: HeldScore): boolean {
  return a.probability < b.probability || (a.probability === b.probability && a.arrival < b.arrival);
}

function siftUp(heap: HeldScore[], at: number): void {
  for (let parent = (at - 1) >> 1; at > 0 && isLess(heap[at], heap[parent]); at = parent, parent = (at - 1) >> 1) [heap[at], heap[parent]] = [heap[parent], heap[at]];
}

function siftDown(heap: HeldScore[]): void {
  for (let at = 0; ;) {
    const left = 2 * at + 1;
    if (left >= heap.length) return;
    const least = left + 1 < heap.length && isLess(heap[left + 1], heap[left]) ? left + 1 : left;
    if (!isLess(heap[least], heap[at])) return;
    [heap[at], heap[least]] = [heap[least], heap[at]];
    at = least;
  }
}
