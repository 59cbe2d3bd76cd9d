import { strict as assert } from 'node:assert';
import type { Append, CommittedOffset, EventLog, LogWriter } from '#tideline/platform';
import { describeError, failureOf } from './failure.ts';
import type { EngineClock } from './processor.ts';

export interface OffsetWriterOptions {
  readonly log: EventLog;
  readonly clock: EngineClock;
  readonly writerId: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Once aborted, waiting for a log that fails ends after a few more tries. */
  readonly signal: AbortSignal;
  readonly warned?: (message: string) => void;
}

/** Tries that a call still gets after the signal aborted. */
const ATTEMPTS_WHEN_STOPPING = 4;

/**
 * The sole writer of one group's offset on one partition, and of everything that is committed with it: each step is applied exactly
 * once, whatever the log answers. Failures that pass are waited out; after an unknown outcome the identity is taken again and
 * the committed offset read before anything is repeated; `FENCED` is thrown, because somebody else goes on from there.
 */
export class OffsetWriter {
  readonly #options: OffsetWriterOptions;
  #writer: LogWriter | undefined;
  #committed: CommittedOffset | undefined;

  constructor(options: OffsetWriterOptions) {
    this.#options = options;
  }

  /** What the group committed last, as far as this writer knows. */
  get committed(): CommittedOffset | undefined {
    return this.#committed;
  }

  /** Opening the identity comes first: it fences an older holder, so that the committed offset read next can't move any more. */
  async takeOver(): Promise<CommittedOffset | undefined> {
    const { log, clock, signal, writerId } = this.#options;
    const patience = { clock, signal, warned: (message: string) => this.#warn(message) };
    this.#writer = await patiently(`taking over the writer ${writerId}`, patience, () => log.openWriter(writerId));
    this.#committed = await patiently('reading the committed offset', patience, () => this.#readCommitted());
    return this.#committed;
  }

  /** True once the step is on the log; false when the signal aborted while the log could not take it (it may be there all the same). */
  async commit(appends: readonly Append[], to: CommittedOffset): Promise<boolean> {
    const { clock, signal, group, topic, partition } = this.#options;
    const transaction = { appends, offsets: [{ group, topic, partition, ...to }] };
    let inDoubt = false;
    for (let attempt = 0; ; attempt++) {
      try {
        if (inDoubt && (await this.#wasApplied(to))) break;
        inDoubt = false;
        assert(this.#writer !== undefined, 'takeOver comes before commit');
        await this.#writer.commit(transaction);
        break;
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined || failure.code === 'FENCED') throw error;
        if (failure.outcome === 'unknown') inDoubt = true;
        else if (!failure.retriable) throw error;
        this.#warn(`commit up to offset ${to.offset}, attempt ${attempt + 1}: ${describeError(error)}`);
        if (signal.aborted && attempt >= ATTEMPTS_WHEN_STOPPING) return false;
        await clock.sleep(backOffMs(attempt));
      }
    }
    this.#committed = to;
    return true;
  }

  async close(): Promise<void> {
    await this.#writer?.close().catch((error: unknown) => this.#warn(`closing the writer failed: ${describeError(error)}`));
  }

  /** Taking the identity again settles the fate of the transaction in doubt, then the committed offset tells it. */
  async #wasApplied(to: CommittedOffset): Promise<boolean> {
    this.#writer = await this.#options.log.openWriter(this.#options.writerId);
    const found = await this.#readCommitted();
    if (same(found, to)) return true;
    if (same(found, this.#committed)) return false;
    const before = this.#committed?.offset ?? 'none';
    throw new Error(`expected the committed offset to be ${before} or ${to.offset}, found ${found?.offset}: another process moved it`);
  }

  #readCommitted(): Promise<CommittedOffset | undefined> {
    const { log, group, topic, partition } = this.#options;
    return log.committed(group, topic, partition);
  }

  #warn(message: string): void {
    this.#options.warned?.(message);
  }
}

function same(a: CommittedOffset | undefined, b: CommittedOffset | undefined): boolean {
  return a?.offset === b?.offset && a?.metadata === b?.metadata;
}

/** Repeats a call that changes nothing (or fences only older selves) for as long as waiting may cure its failure. */
export async function patiently<T>(
  what: string,
  { clock, signal, warned }: { clock: EngineClock; signal: AbortSignal; warned: (message: string) => void },
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (failureOf(error)?.retriable !== true || signal.aborted) throw error;
      warned(`${what}, attempt ${attempt + 1}: ${describeError(error)}`);
      await clock.sleep(backOffMs(attempt), signal);
    }
  }
}

/** 20, 40, 80 … at most 5,000 ms. */
function backOffMs(attempt: number): number {
  return Math.min(20 * 2 ** attempt, 5_000);
}
