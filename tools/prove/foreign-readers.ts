import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { installationFolder } from '../services/index.ts';
import { root } from './app-processes.ts';

/** Where a record stood in its file, as another program than ours read it. */
export interface ForeignIdentity {
  readonly file: string;
  readonly loop: string;
  readonly byteOffset: string;
  /** Where the other program found it. */
  readonly where: string;
}

/** What other programs than ours read of the same servers. */
export interface ForeignReaders {
  /** Committed records of a topic whose records name their line, by Kafka's console consumer. */
  records(topic: string): AsyncIterable<ForeignIdentity>;
  /** Values of a topic's committed records, by Kafka's console consumer. */
  values(topic: string): AsyncIterable<string>;
  /** Rows of Parquet objects, by pyarrow. */
  rows(keys: readonly string[]): AsyncIterable<ForeignIdentity>;
}

/** A console consumer that has seen nothing new for so long is at the end. */
const IDLE_MS = 10_000;

/** Readers for servers that run as processes of this machine; their programs came with the servers. */
export function foreignReaders(addresses: { readonly kafka: string; readonly objectStore: string; readonly accessKey: string; readonly secretKey: string }): ForeignReaders {
  const { kafka, objectStore, accessKey, secretKey } = addresses;
  const consume = (topic: string, ...print: readonly string[]): AsyncIterable<string> => linesOf('java', [
    '-Xmx192m', '-cp', join(installationFolder('kafka'), 'libs', '*'), 'org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', kafka, '--topic', topic,
    '--from-beginning', '--isolation-level', 'read_committed', '--timeout-ms', String(IDLE_MS), ...print.flatMap((property) => ['--formatter-property', property]),
  ]);
  return {
    async *records(topic) {
      for await (const line of consume(topic, 'print.partition=true', 'print.offset=true', 'print.headers=true', 'print.value=false')) {
        const [partition, offset, headers] = line.split('\t');
        if (headers === undefined) continue;
        const named = Object.fromEntries(headers.split(',').map((header) => header.split(':') as [string, string]));
        yield { file: named['file'] ?? '', loop: named['loop'] ?? '', byteOffset: named['offset'] ?? '', where: `${partition} ${offset}` };
      }
    },
    async *values(topic) {
      for await (const line of consume(topic)) if (line.startsWith('{')) yield line;
    },
    async *rows(keys) {
      const python = join(installationFolder('mlflow'), 'venv', 'bin', 'python');
      const asked = JSON.stringify({ endpoint: objectStore, accessKey, secretKey, keys });
      for await (const line of linesOf(python, [join(root, 'tools', 'prove', 'read_parquet.py')], asked)) {
        const [file, loop, byteOffset] = line.split('\t');
        yield { file: file ?? '', loop: loop ?? '', byteOffset: byteOffset ?? '', where: '' };
      }
    },
  };
}

/** What a program prints, line by line; throws with its last words when it fails. */
async function* linesOf(command: string, args: readonly string[], input = ''): AsyncIterable<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said = `${said}${text.toString('utf8')}`.slice(-2_000)));
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined).end(input);
  try {
    yield* createInterface({ input: child.stdout });
    const code = await ended;
    // The console consumer ends by its own timeout, which it reports as a failure.
    if (code !== 0 && !said.includes('TimeoutException')) throw new Error(`${command} ended with ${code}: ${said}`);
  } finally {
    child.kill('SIGKILL');
  }
}
