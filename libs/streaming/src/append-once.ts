import type { EventLog, PackedRecords, TopicSettings } from '#tideline/platform';

export interface AppendOnceOptions {
  readonly log: EventLog;
  readonly writerId: string;
  readonly topic: string;
  readonly settings: TopicSettings;
  readonly records: PackedRecords;
}

/**
 * Puts a few records on a topic that is made if need be. After an error they may be there all the same: for announcements whose readers
 * take the newest, so that saying it again does no harm.
 */
export async function appendOnce({ log, writerId, topic, settings, records }: AppendOnceOptions): Promise<void> {
  await log.ensureTopics({ [topic]: settings });
  const writer = await log.openWriter(writerId);
  try {
    await writer.commit({ appends: [{ topic, records }] });
  } finally {
    await writer.close();
  }
}
