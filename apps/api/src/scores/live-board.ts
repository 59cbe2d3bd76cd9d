import { ByteRing } from './byte-ring.ts';
import type { ScoreLine } from './churn-score.ts';
import { NewestEntries } from './newest-entries.ts';

/** The newest lines and how many there ever were. */
class Recent {
  lines: ScoreLine[] = [];
  count = 0;

  push(line: ScoreLine, limit: number): void {
    this.count++;
    this.lines.push(line);
    if (this.lines.length >= 2 * limit) this.lines = this.lines.slice(-limit);
  }
}

/** A bounded picture of one source: each entity's latest score and last transitions, as written until somebody asks. */
class SourceBoard {
  readonly scores: NewestEntries<ScoreLine>;
  /** Where each entity's last transitions lie: place and length by turns. */
  readonly transitions: NewestEntries<number[]>;
  readonly recent = new Recent();
  /** The ranking by how many it holds; few are wanted often, many seldom. */
  readonly tops = new Map<number, { lines: readonly ScoreLine[]; atMs: number }>();

  constructor(entityLimit: number) {
    this.scores = new NewestEntries(entityLimit);
    this.transitions = new NewestEntries(entityLimit);
  }
}

export interface LiveBoardOptions {
  /** Entities kept per source, and a quarter more for a while; those that scored longest ago leave first. */
  readonly entityLimit: number;
  readonly transitionsPerEntity: number;
  /** Memory for the transitions of all sources; the oldest are forgotten. */
  readonly transitionBytes: number;
  readonly recentLimit: number;
  readonly now: () => number;
}

const TOP_FEW = 50;
const TOP_MANY = 1000;
const TOP_FRESH_MS = 500;

/** What is known right now, in bounded memory: the newest score of each entity, who is most at risk, the last transitions. */
export class LiveBoard {
  readonly #options: LiveBoardOptions;
  readonly #sources = new Map<string, SourceBoard>();
  readonly #recent = new Recent();
  /** One block: a million small buffers would cost several times what they hold. */
  readonly #transitions: ByteRing;
  #unread = 0;

  constructor(options: LiveBoardOptions) {
    this.#options = options;
    this.#transitions = new ByteRing(options.transitionBytes);
  }

  putScore(line: ScoreLine): void {
    const board = this.#board(line.source);
    board.scores.put(line.entity, line);
    board.recent.push(line, this.#options.recentLimit);
    this.#recent.push(line, this.#options.recentLimit);
  }

  putTransition(source: string, entity: string, bytes: Uint8Array): void {
    const { transitions } = this.#board(source);
    const last = transitions.get(entity) ?? [];
    last.push(this.#transitions.put(bytes), bytes.length);
    if (last.length > 2 * this.#options.transitionsPerEntity) last.splice(0, 2);
    transitions.put(entity, last);
  }

  latest(source: string, entity: string): ScoreLine | undefined {
    return this.#sources.get(source)?.scores.get(entity);
  }

  /** Newest last. */
  transitionsOf(source: string, entity: string): readonly Uint8Array[] {
    const last = this.#sources.get(source)?.transitions.get(entity) ?? [];
    return Array.from({ length: last.length / 2 }, (_, i) => this.#transitions.get(last[2 * i], last[2 * i + 1])).filter((bytes) => bytes !== undefined);
  }

  entityCount(source: string): number {
    return this.#sources.get(source)?.scores.size ?? 0;
  }

  /** Scores taken since the start. */
  scoreCount(source: string): number {
    return this.#sources.get(source)?.recent.count ?? 0;
  }

  /** Scores older than those it was built from are on the log all the same. */
  leaveUnread(count: number): void {
    this.#unread += count;
  }

  /** What this picture can't know: scores from before the newest that were read at the start, and entities beyond the most that are kept. */
  get limits(): { readonly olderScoresUnread: number; readonly entitiesKeptAtMost: number } {
    return { olderScoresUnread: this.#unread, entitiesKeptAtMost: this.#options.entityLimit };
  }

  get totalScoreCount(): number {
    return this.#recent.count;
  }

  entities(source: string): Iterable<string> {
    return this.#sources.get(source)?.scores.keys() ?? [];
  }

  /** The newest scores, oldest first, of one source or of all. */
  recent(source: string | undefined, limit: number): readonly ScoreLine[] {
    const recent = source === undefined ? this.#recent : this.#sources.get(source)?.recent;
    return limit <= 0 ? [] : (recent?.lines.slice(-limit) ?? []);
  }

  /** Entities with the highest probability first (without one: none); at most half a second old. */
  top(source: string, limit: number): readonly ScoreLine[] {
    const board = this.#sources.get(source);
    if (board === undefined) return [];
    const held = limit <= TOP_FEW ? TOP_FEW : TOP_MANY;
    const now = this.#options.now();
    let top = board.tops.get(held);
    if (top === undefined || now - top.atMs >= TOP_FRESH_MS) board.tops.set(held, (top = { lines: highest(board.scores.values(), held), atMs: now }));
    return top.lines.slice(0, limit);
  }

  #board(source: string): SourceBoard {
    let board = this.#sources.get(source);
    if (board === undefined) this.#sources.set(source, (board = new SourceBoard(this.#options.entityLimit)));
    return board;
  }
}

function highest(lines: Iterable<ScoreLine>, limit: number): ScoreLine[] {
  const order = (a: ScoreLine, b: ScoreLine): number => b.probability - a.probability || (a.entity < b.entity ? -1 : a.entity > b.entity ? 1 : 0);
  let held: ScoreLine[] = [];
  let floor = -Infinity;
  for (const line of lines) {
    // Equal to the floor stays in, so that ties fall by name and not by arrival.
    if (!(line.probability >= floor)) continue;
    held.push(line);
    if (held.length >= 4 * limit) {
      held = held.sort(order).slice(0, limit);
      floor = held.at(-1)!.probability;
    }
  }
  return held.sort(order).slice(0, limit);
}
