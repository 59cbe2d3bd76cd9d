// Opens an event log with the login of its environment, appends two records in a transaction and reads them back; says what came of it as JSON.
import { isPlatformError, openEventLog, packTexts, unpackTexts } from '#tideline/platform';

const { ADDRESS = '', LOGIN_NAME = '', LOGIN_PASSWORD = '' } = process.env;
const outcome = async (): Promise<unknown> => {
  const log = await openEventLog(ADDRESS, { app: 'login', login: { username: LOGIN_NAME, password: LOGIN_PASSWORD } });
  try {
    await log.ensureTopics({ guests: { partitions: 1 } });
    const writer = await log.openWriter('host');
    const records = packTexts(['ana', 'bo'].map((value, n) => ({ key: 'k', value, timestampMs: n })));
    await writer.commit({ appends: [{ topic: 'guests', partition: 0, records }] });
    return { read: (await log.read('guests', 0, 0)).flatMap((batch) => unpackTexts(batch).map(({ value }) => value)) };
  } finally {
    await log.close();
  }
};
const said = await outcome().catch((error: unknown) => ({ code: isPlatformError(error) ? error.code : 'OTHER', message: String(error) }));
process.stdout.write(JSON.stringify(said));
