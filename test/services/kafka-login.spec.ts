// Goal: TLS and SASL by settings alone. Method: a broker of its own that takes only TLS under its own authority and SCRAM logins; a
// process with the right settings writes and reads, and each wrong one is told which setting to change.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { canStartBroker, startBrokerWithLogin, type BrokerWithLogin } from './broker-with-login.ts';

if (!canStartBroker) console.warn('skipped: TLS and SASL, Kafka is not installed here as a program of this machine');

describe.skipIf(!canStartBroker)('a broker that wants TLS and a login', () => {
  let broker: BrokerWithLogin;
  beforeAll(async () => {
    broker = await startBrokerWithLogin();
    await vi.waitFor(async () => expect(await attempt({})).toHaveProperty('read'), { timeout: 120_000, interval: 1000 });
  }, 180_000);
  afterAll(() => broker?.stop());

  /** What a fresh process makes of the broker; the authority is read by Node at its start. */
  async function attempt(changes: Record<string, string>): Promise<{ read?: string[]; code?: string; message?: string }> {
    const env = { PATH: process.env['PATH'], ADDRESS: broker.address, LOGIN_NAME: broker.username, LOGIN_PASSWORD: broker.password, NODE_EXTRA_CA_CERTS: broker.authority, ...changes };
    const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', '--conditions=source', join(import.meta.dirname, 'kafka-login.child.ts')], { env });
    return JSON.parse(stdout) as Awaited<ReturnType<typeof attempt>>;
  }

  it('takes records and gives them back', { timeout: 60_000 }, async () => {
    const { read } = await attempt({});
    expect(read?.slice(0, 2)).toEqual(['ana', 'bo']);
  });

  it('refuses a wrong password, naming the settings', { timeout: 60_000 }, async () => {
    const { message } = await attempt({ LOGIN_PASSWORD: 'hunter2' });
    expect(message).toMatch(/KAFKA_USERNAME.*KAFKA_PASSWORD/);
    expect(message).not.toContain('hunter2');
  });

  it('is not trusted without its authority', { timeout: 60_000 }, async () => {
    const { message } = await attempt({ NODE_EXTRA_CA_CERTS: '' });
    expect(message).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('says that TLS is missing', { timeout: 60_000 }, async () => {
    const { message } = await attempt({ ADDRESS: broker.address.replace('tls=true&', '') });
    expect(message).toMatch(/tls=true/);
  });
});
