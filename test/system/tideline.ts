// The command line as a person uses it: the compiled program as a process of its own, in a folder of its own, judged by what it prints,
// how it ends and what it leaves on the log.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FileEventLog, isPlatformError, unpackTexts, type EventLog, type RecordBatch } from '#tideline/platform';
import { generate } from '#tideline/retention';

export const root = join(import.meta.dirname, '..', '..');
const program = join(root, 'dist', 'tools', 'cli', 'main.js');
if (!existsSync(program)) throw new Error(`expected the built command line at ${program}, found none: run \`npm run build\` (npm test does)`);

/** Real data beside the checkout, where there is any. */
export const shared = [process.env['TIDELINE_SHARED'] ?? '', join(root, '..', 'shared'), join(root, '..', '..', 'shared')].find((path) => path !== '' && existsSync(path));

/** Tests here start many processes, several at a time: on a busy machine each may take long. */
export const PATIENT = { timeout: 180_000 };

/** How a command ended and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What standard input holds; nothing by default. */
  readonly stdin?: string | Uint8Array;
  /** Another program than the command line: an app, or the launcher. */
  readonly program?: string;
  /** A file that takes standard output; kept for `Ended` by default. */
  readonly stdout?: string;
}

/** What `replay --json` says. */
export interface ReplayResult {
  readonly source: string;
  readonly file: string;
  readonly fileId: string;
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly resumedFrom: number;
  readonly ended: string;
}

/** One bad line as the dead-letter topic has it. */
export interface DeadLetter {
  readonly source: string;
  readonly file: string;
  readonly byteOffset: number;
  readonly reason: string;
  readonly detail: string;
  readonly original: string;
  readonly encoding: 'utf8' | 'base64';
}

/** The records of one log batch, ready to be compared. */
export interface BatchContents {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly keys: string;
  readonly values: string;
  readonly headers: unknown;
}

/** A terminal in an empty folder in which only `sources` lies. */
export class Terminal {
  readonly folder: string;
  readonly #children = new Set<ChildProcess>();

  /** `copySources` to change them; otherwise they are the repository's. */
  constructor(options: { readonly copySources?: boolean } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'tideline-system-'));
    const sources = join(this.folder, 'sources');
    if (options.copySources === true) cpSync(join(root, 'sources'), sources, { recursive: true });
    else symlinkSync(join(root, 'sources'), sources);
  }

  /** Writes a file into the folder; commands run there, so its bare name is what they take. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  start(args: readonly string[], { env = {}, stdin, program: other = program, stdout }: RunOptions = {}): Running {
    const output = stdout === undefined ? 'pipe' : openSync(stdout, 'w');
    const child = spawn(process.execPath, ['--enable-source-maps', '--disable-warning=ExperimentalWarning', other, ...args], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['pipe', output, 'pipe'],
    });
    if (typeof output === 'number') closeSync(output);
    this.#children.add(child);
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name]?.setEncoding('utf8').on('data', (text: string) => void (texts[name] += text));
    child.stdin!.on('error', () => undefined).end(stdin);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#children.delete(child);
        resolve({ code, signal, ...texts });
      });
    });
    return { child, ended };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.start(args, options).ended;
  }

  /** The one document of a command that must succeed. */
  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json'], options);
    if (code !== 0) throw new Error(`expected \`tideline ${args.join(' ')}\` to end with 0, found ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  replay(file: string, source: string, ...options: readonly string[]): Promise<ReplayResult> {
    return this.json<ReplayResult>(['replay', file, '--source', source, ...options]);
  }

  query<T>(sql: string): Promise<T[]> {
    return this.json<T[]>(['lake', 'query', sql, '--limit', '1000000']);
  }

  /** Looks at the event log beside the commands. */
  async withLog<T>(look: (log: EventLog) => Promise<T>): Promise<T> {
    const log = new FileEventLog(join(this.folder, 'data', 'log'), { app: 'watcher' });
    try {
      return await look(log);
    } finally {
      await log.close();
    }
  }

  /** Records that a topic holds, all partitions together. */
  recordCount(topic: string): Promise<number> {
    return this.withLog(async (log) => {
      const found = (await log.describeTopics()).find((each) => each.topic === topic);
      return (found?.partitions ?? []).reduce((sum, { start, end }) => sum + end - start, 0);
    });
  }

  /** The records of a topic whose values are JSON. */
  jsonRecords<T>(topic: string): Promise<readonly T[]> {
    return this.withLog(async (log) => {
      const records: T[] = [];
      for await (const { batch } of batchesOf(log, [topic])) records.push(...unpackTexts(batch).map(({ value }) => JSON.parse(value) as T));
      return records;
    });
  }

  deadLetters(): Promise<readonly DeadLetter[]> {
    return this.jsonRecords<DeadLetter>('dead-letter');
  }

  /** Everything on these topics that is promised to repeat: batch borders, keys, values, identities. */
  contents(topics: readonly string[]): Promise<readonly BatchContents[]> {
    return this.withLog(async (log) => {
      const found: BatchContents[] = [];
      for await (const { topic, partition, batch } of batchesOf(log, topics)) {
        const { baseOffset, count, headers } = batch;
        const [keys, values] = [batch.keys, batch.values].map((bytes) => Buffer.from(bytes).toString('base64')) as [string, string];
        found.push({ topic, partition, baseOffset, count, keys, values, headers });
      }
      return found;
    });
  }

  /** Ends what still runs and takes the folder away. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function* batchesOf(log: EventLog, topics: readonly string[]): AsyncIterable<{ topic: string; partition: number; batch: RecordBatch }> {
  for (const { topic, partitions } of await log.describeTopics()) {
    if (!topics.includes(topic)) continue;
    for (const { partition, start, end } of partitions) {
      for (let offset = start; offset < end; ) {
        for (const batch of await log.read(topic, partition, offset, { maxWaitMs: 0 })) {
          yield { topic, partition, batch };
          offset = batch.baseOffset + batch.count;
        }
      }
    }
  }
}

/** Rows that a replay has committed so far, without stopping it; 0 before its first commit. */
export async function rowsCommitted(log: EventLog, topic: string): Promise<number> {
  try {
    const described = (await log.describeTopics()).find((each) => each.topic === topic);
    const replay = described?.groups.find(({ group }) => group.startsWith('replay-'));
    const committed = replay === undefined ? undefined : await log.committed(replay.group, topic, 0);
    return committed === undefined ? 0 : (JSON.parse(committed.metadata) as { rows: number }).rows;
  } catch (error) {
    // A reader may meet a log that is just being made.
    if (isPlatformError(error)) return 0;
    throw error;
  }
}

export async function until(what: string, holds: () => Promise<boolean> | boolean, patienceMs = 100_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`expected within ${patienceMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A synthetic log in the source's own format; every line valid, a newline at the end. */
export function syntheticLog(source: string, rows: number, seed = 7): string {
  const parts: string[] = [];
  // All three formats are ASCII here, so no character is torn between blocks.
  for (const block of generate(source, { seed, rows })) parts.push(Buffer.from(block).toString('latin1'));
  return parts.join('');
}

export const replayOf = (file: string, source = 'user-behavior'): string[] => ['replay', file, '--source', source];
export const linesOf = (text: string): string[] => text.trimEnd().split('\n');
export const bytesOf = (lines: readonly (string | Buffer)[]): Buffer => Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));

/** Read = accepted + rejected, in the summary as on the log. */
export async function expectReconciled(at: Terminal, { source, read, accepted, rejected, rejectedBy }: ReplayResult): Promise<void> {
  expect(read).toBe(accepted + rejected);
  expect(Object.values(rejectedBy).reduce((sum, count) => sum + count, 0)).toBe(rejected);
  expect(await at.recordCount(`raw.${source}`)).toBe(accepted);
  expect(await at.recordCount('dead-letter')).toBe(rejected);
}
