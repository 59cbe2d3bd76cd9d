import type { Lake } from '#tideline/lake';
import type { EventLog } from '#tideline/platform';
import { tableNames, type Source } from '#tideline/retention';
import { identityOf } from './check-records.ts';
import type { ForeignIdentity, ForeignReaders } from './foreign-readers.ts';
import type { LogLines } from './log-lines.ts';
import { Tally, type Check } from './proof.ts';
import { readTopic, recordsOf } from './read-topic.ts';

/** What was asked of other programs: lines of the file, and those of them that are no records. */
interface Lines {
  readonly source: Source;
  readonly fileId: string;
  readonly lines: LogLines;
  readonly rejectedBytes: ReadonlySet<number>;
}

/** The same once more through other programs than ours: Kafka's console consumer on the topics, pyarrow on the tables' files. */
export async function checkForeign(truth: Lines, readers: ForeignReaders, log: EventLog, lake: Lake | undefined): Promise<readonly Check[]> {
  const { source } = truth;
  const checks = [
    await tallied(truth, `lines = records in raw.${source.name}, by kafka-console-consumer`, false, readers.records(`raw.${source.name}`)),
    await tallied(truth, 'lines = dead letters, by kafka-console-consumer', true, readers.records('dead-letter')),
    await checkValues('churn-scores', readers, log),
  ];
  if (lake === undefined) return checks;
  const names = tableNames(source);
  for (const name of [names.bronze, names.silver]) {
    const keys = (await lake.table(name).files()).map(({ key }) => key);
    checks.push(await tallied(truth, `lines = rows of ${name}, by pyarrow`, false, readers.rows(keys)));
  }
  return checks;
}

async function tallied({ fileId, lines, rejectedBytes }: Lines, what: string, rejected: boolean, found: AsyncIterable<ForeignIdentity>): Promise<Check> {
  const tally = new Tally(what);
  for (const start of lines.starts) if (rejectedBytes.has(start) === rejected) tally.expect(identityOf(fileId, 0, start));
  for await (const { file, loop, byteOffset, where } of found) tally.find(identityOf(file, loop, byteOffset), '', where === '' ? '' : ` (${where})`);
  return tally.check();
}

/** What another consumer reads of a topic is what our door reads of it: each value as often. */
async function checkValues(topic: string, readers: ForeignReaders, log: EventLog): Promise<Check> {
  const tally = new Tally(`${topic}: our reading = kafka-console-consumer's`);
  const counted = (): ((value: string) => string) => {
    const seen = new Map<string, number>();
    return (value) => {
      seen.set(value, (seen.get(value) ?? 0) + 1);
      return `${value} no. ${seen.get(value)}`;
    };
  };
  const [expected, found] = [counted(), counted()];
  for (const batches of (await readTopic(log, topic)).values()) {
    for (const batch of batches) for (const { value } of recordsOf(batch)) tally.expect(expected(Buffer.from(value, 'latin1').toString('utf8')));
  }
  for await (const value of readers.values(topic)) tally.find(found(value));
  return tally.check();
}
