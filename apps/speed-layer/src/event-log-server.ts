import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import type { RecordBatch } from '#tideline/platform';
import { runGroup, type GroupOptions, type PartitionWork, type Processor, type ProcessorOutput, type TopicPartition } from '#tideline/streaming';

/** The pattern under which a controller takes whole batches. */
export const RECORDS = 'records';

/** A batch on its way to a handler, with the processor that holds its partition's state. */
export interface Delivery extends TopicPartition {
  readonly batch: RecordBatch;
  /** False while state is being rebuilt: the batch's outputs are on the log already. */
  readonly emit: boolean;
  readonly processor: Processor;
}

/**
 * Nest's transport over the event log: hands a handler whole batches, never single records, and commits what it returns together
 * with the offset. `close` stops at a batch border; a group that fails by itself is told to `onFailure`.
 */
export class EventLogServer extends Server implements CustomTransportStrategy {
  readonly #group: Omit<GroupOptions, 'signal'>;
  readonly #onFailure: (error: unknown) => void;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(group: Omit<GroupOptions, 'signal'>, onFailure: (error: unknown) => void) {
    super();
    this.#group = group;
    this.#onFailure = onFailure;
  }

  listen(callback: (error?: unknown) => void): void {
    const { open } = this.#group;
    const handled = async (at: TopicPartition): Promise<PartitionWork> => this.#throughHandler(at, await open(at));
    this.#running = runGroup({ ...this.#group, open: handled, signal: this.#stop.signal }).then(
      () => undefined,
      (error: unknown) => this.#onFailure(error),
    );
    callback();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  override on(): never {
    throw new Error('the event log has no connection events to listen to');
  }

  override unwrap<T>(): T {
    return this.#group.log as T;
  }

  /** The same work with every batch going through the controller's handler, and so through Nest's interceptors and filters. */
  #throughHandler(at: TopicPartition, work: PartitionWork): PartitionWork {
    const handler = this.getHandlerByPattern(RECORDS);
    if (handler === null) throw new Error(`expected a handler for the pattern "${RECORDS}", found none`);
    const { processor } = work;
    const process = async (batch: RecordBatch, emit: boolean): Promise<ProcessorOutput> => {
      const delivery: Delivery = { ...at, batch, emit, processor };
      return firstValueFrom(this.transformToObservable<ProcessorOutput>(await handler(delivery)));
    };
    const handled: Processor = {
      version: processor.version,
      process,
      refresh: (offset) => processor.refresh?.(offset) ?? { appends: [] },
      snapshot: () => processor.snapshot(),
      restore: (bytes) => processor.restore(bytes),
    };
    return { ...work, processor: handled };
  }
}
