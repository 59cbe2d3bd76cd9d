import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brokerSettings } from '../../tools/services/kafka-broker.ts';
import { killProcess, startDetached } from '../../tools/services/process-record.ts';
import { installationFolder, testInstances } from '../../tools/services/index.ts';
import { findToolchain } from '../../tools/services/toolchain.ts';

const kafka = installationFolder('kafka');
const PASSWORD = 'only-for-this-test';

/** Whether a Kafka is installed here that can be started with settings of our own. */
export const canStartBroker = existsSync(join(kafka, 'libs'));

/** A broker whose clients must speak TLS, under a certificate authority that nobody knows, and log in by SCRAM. */
export interface BrokerWithLogin {
  readonly address: string;
  /** PEM file of the authority, for `NODE_EXTRA_CA_CERTS`. */
  readonly authority: string;
  readonly username: string;
  readonly password: string;
  stop(): Promise<void>;
}

export async function startBrokerWithLogin(): Promise<BrokerWithLogin> {
  const tools = findToolchain(['java17']);
  if ('missing' in tools) throw new Error(tools.missing.join('\n'));
  const home = tools.java(17);
  mkdirSync(testInstances, { recursive: true });
  const folder = mkdtempSync(join(testInstances, 'login-'));
  const [port, inner, controller] = await Promise.all([freePort(), freePort(), freePort()]);
  const authority = makeCertificate(folder, join(home, 'bin', 'keytool'));
  const settings = {
    'process.roles': 'broker,controller', 'node.id': '1', 'controller.listener.names': 'CONTROLLER',
    listeners: `CLIENT://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENT://localhost:${port},INNER://127.0.0.1:${inner}`,
    'inter.broker.listener.name': 'INNER',
    'listener.security.protocol.map': 'CLIENT:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'log.dirs': join(folder, 'data'),
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.client.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'ssl.keystore.type': 'PKCS12', 'ssl.keystore.location': join(folder, 'broker.p12'), 'ssl.keystore.password': PASSWORD,
    ...brokerSettings(1),
  };
  const file = join(folder, 'server.properties');
  writeFileSync(file, Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join(''));
  const java = join(home, 'bin', 'java');
  const options = ['-XX:+UseSerialGC', '-Xmx256m', '-cp', join(kafka, 'libs', '*')];
  execFileSync(java, [...options, 'kafka.tools.StorageTool', 'format', '-t', 'bG9naW4tdGVzdC1icm9rZQ', '-c', file, '--add-scram', `SCRAM-SHA-512=[name=ana,password=${PASSWORD}]`], { stdio: 'pipe' });
  const record = await startDetached({ command: java, args: [...options, 'kafka.Kafka', file], cwd: folder, env: {}, logFile: join(folder, 'broker.log'), marker: folder });
  const stop = async (): Promise<void> => {
    await killProcess(record);
    rmSync(folder, { recursive: true, force: true });
  };
  return { address: `kafka://localhost:${port}?tls=true&sasl=scram-sha-512`, authority, username: 'ana', password: PASSWORD, stop };
}

function makeCertificate(folder: string, keytool: string): string {
  const store = ['-keystore', join(folder, 'broker.p12'), '-storetype', 'PKCS12', '-storepass', PASSWORD, '-alias', 'broker'];
  execFileSync(keytool, ['-genkeypair', ...store, '-keyalg', 'RSA', '-keysize', '2048', '-dname', 'CN=localhost', '-ext', 'san=dns:localhost,ip:127.0.0.1', '-validity', '2'], { stdio: 'pipe' });
  const authority = join(folder, 'authority.pem');
  execFileSync(keytool, ['-exportcert', ...store, '-rfc', '-file', authority], { stdio: 'pipe' });
  return authority;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
