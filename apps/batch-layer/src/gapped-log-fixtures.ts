import { MemoryEventLog, type ReadOptions, type RecordBatch, type TopicDescription } from '#tideline/platform';

/**
 * A log in memory whose offsets have gaps like those of a networked one: behind each batch one offset holds no record, where Kafka keeps a
 * transaction's mark.
 */
export class GappedEventLog extends MemoryEventLog {
  override async read(topic: string, partition: number, offset: number, options?: ReadOptions): Promise<readonly RecordBatch[]> {
    const batches = await this.#gapped(topic, partition);
    const wanted = batches.filter(({ baseOffset, count }) => baseOffset + count > offset);
    // Waits like the log itself where nothing is there.
    return wanted.length > 0 ? wanted : super.read(topic, partition, offset, options);
  }

  override async offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }> {
    const { start, end } = await super.offsets(topic, partition);
    return { start, end: end + (await this.#gapped(topic, partition)).length };
  }

  override async describeTopics(): Promise<readonly TopicDescription[]> {
    const topics = await super.describeTopics();
    return Promise.all(topics.map(async (description) => {
      const partitions = await Promise.all(description.partitions.map(async ({ partition }) => ({ partition, ...(await this.offsets(description.topic, partition)) })));
      return { ...description, partitions };
    }));
  }

  async #gapped(topic: string, partition: number): Promise<readonly RecordBatch[]> {
    return (await super.read(topic, partition, 0, { maxBytes: Infinity })).map((batch, index) => ({ ...batch, baseOffset: batch.baseOffset + index }));
  }
}
