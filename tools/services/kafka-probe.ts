import { connect } from 'node:net';

/** What one broker says of its cluster. */
export interface ClusterView {
  readonly brokers: number;
  readonly partitions: number;
  /** Partitions without a leader: reading and writing them fails for now. */
  readonly leaderless: number;
}

const METADATA = 3;
const VERSION = 6;

/**
 * Asks the broker at a loopback port for its metadata (Kafka protocol, request 3, version 6) over a connection of its own; undefined when it
 * does not answer in time. A probe needs 60 lines of protocol, and no client with its retries.
 */
export function probeKafka(port: number, patienceMs = 5000): Promise<ClusterView | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const finish = (view?: ClusterView): void => {
      socket.destroy();
      resolve(view);
    };
    socket.setTimeout(patienceMs, () => finish());
    socket.on('error', () => finish()).on('end', () => finish());
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const answer = Buffer.concat(chunks);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      try {
        finish(readMetadata(answer));
      } catch {
        finish();
      }
    });
  });
}

function metadataRequest(): Buffer {
  const client = Buffer.from('tideline-services');
  const body = Buffer.alloc(4 + 2 + 2 + 4 + 2 + client.length + 4 + 1);
  let at = body.writeInt32BE(body.length - 4);
  at = body.writeInt16BE(METADATA, at);
  at = body.writeInt16BE(VERSION, at);
  at = body.writeInt32BE(1, at);
  at = body.writeInt16BE(client.length, at);
  at += client.copy(body, at);
  // All topics; none is made by asking.
  at = body.writeInt32BE(-1, at);
  body.writeInt8(0, at);
  return body;
}

class Cursor {
  // Behind the length and the correlation id.
  #at = 8;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8 = (): number => this.#bytes.readInt8(this.#move(1));
  int16 = (): number => this.#bytes.readInt16BE(this.#move(2));
  int32 = (): number => this.#bytes.readInt32BE(this.#move(4));
  text = (): void => void this.#move(Math.max(0, this.int16()));
  list<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, item);
  }

  #move(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    return from;
  }
}

function readMetadata(bytes: Buffer): ClusterView {
  const cursor = new Cursor(bytes);
  cursor.int32(); // throttled for
  const brokers = cursor.list(() => {
    cursor.int32();
    cursor.text();
    cursor.int32();
    cursor.text();
  });
  cursor.text(); // cluster id
  cursor.int32(); // controller
  const leaders = cursor.list(() => {
    cursor.int16();
    cursor.text();
    cursor.int8();
    return cursor.list(() => readLeader(cursor));
  }).flat();
  return { brokers: brokers.length, partitions: leaders.length, leaderless: leaders.filter((leader) => leader < 0).length };
}

function readLeader(cursor: Cursor): number {
  cursor.int16();
  cursor.int32();
  const leader = cursor.int32();
  // Replicas, those in sync, those offline.
  for (let lists = 0; lists < 3; lists++) cursor.list(cursor.int32);
  return leader;
}
