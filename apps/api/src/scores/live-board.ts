import type { ScoreLine } from './churn-score.ts';

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

/** A bounded picture of one source: each entity's latest score and last transitions, as text until somebody asks. */
class SourceBoard {
  readonly scores = new Map<string, ScoreLine>();
  readonly transitions = new Map<string, string[]>();
  readonly recent = new Recent();
  topAtMs = -Infinity;
  top: readonly ScoreLine[] = [];
}

export interface LiveBoardOptions {
  /** Entities kept per source; the one that scored longest ago leaves first. */
  readonly entityLimit: number;
  readonly transitionsPerEntity: number;
  readonly recentLimit: number;
  readonly now: () => number;
}

const TOP_LIMIT = 1000;
const TOP_FRESH_MS = 500;

/** What is known right now, in bounded memory: the newest score of each entity, who is most at risk, the last transitions. */
export class LiveBoard {
  readonly #options: LiveBoardOptions;
  readonly #sources = new Map<string, SourceBoard>();
  readonly #recent = new Recent();

  constructor(options: LiveBoardOptions) {
    this.#options = options;
  }

  putScore(line: ScoreLine): void {
    const board = this.#board(line.source);
    // Deleting first moves the entity to the end, which keeps the map in order of last use.
    board.scores.delete(line.entity);
    board.scores.set(line.entity, line);
    if (board.scores.size > this.#options.entityLimit) {
      const oldest = board.scores.keys().next().value!;
      board.scores.delete(oldest);
    }
    board.recent.push(line, this.#options.recentLimit);
    this.#recent.push(line, this.#options.recentLimit);
  }

  putTransition(source: string, entity: string, json: string): void {
    const { transitions } = this.#board(source);
    const last = transitions.get(entity) ?? [];
    last.push(json);
    if (last.length > this.#options.transitionsPerEntity) last.shift();
    transitions.delete(entity);
    transitions.set(entity, last);
    if (transitions.size > this.#options.entityLimit) transitions.delete(transitions.keys().next().value!);
  }

  latest(source: string, entity: string): ScoreLine | undefined {
    return this.#sources.get(source)?.scores.get(entity);
  }

  /** Newest last. */
  transitionsOf(source: string, entity: string): readonly string[] {
    return this.#sources.get(source)?.transitions.get(entity) ?? [];
  }

  entityCount(source: string): number {
    return this.#sources.get(source)?.scores.size ?? 0;
  }

  /** Scores taken since the start. */
  scoreCount(source: string): number {
    return this.#sources.get(source)?.recent.count ?? 0;
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
    const now = this.#options.now();
    if (now - board.topAtMs >= TOP_FRESH_MS) {
      board.top = highest(board.scores.values(), TOP_LIMIT);
      board.topAtMs = now;
    }
    return board.top.slice(0, limit);
  }

  #board(source: string): SourceBoard {
    let board = this.#sources.get(source);
    if (board === undefined) this.#sources.set(source, (board = new SourceBoard()));
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
