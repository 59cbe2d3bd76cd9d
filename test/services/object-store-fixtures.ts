import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Client } from 'minio';
import { services } from './services.ts';

const { objectStore, accessKey, secretKey } = services();
const [host, port] = objectStore.split(':') as [string, string];

export const login = { username: accessKey, password: secretKey };

/** The server through nothing of ours but the client that a person would use. */
export const plainClient = new Client({ endPoint: host, port: Number(port), useSSL: false, accessKey, secretKey, region: 'us-east-1' });

export const randomPrefix = (): string => `t${randomBytes(5).toString('hex')}`;

/** Removes a prefix's buckets and all that is in them. */
export async function removeBuckets(prefix: string, client = plainClient): Promise<void> {
  for (const bucket of ['bronze', 'silver', 'gold'].map((name) => `${prefix}-${name}`)) {
    const names: string[] = [];
    for await (const { name } of client.listObjectsV2(bucket, '', true)) names.push(name);
    await client.removeObjects(bucket, names);
    await client.removeBucket(bucket);
  }
}

/** A cable to the server that a test can pull: whole, or once in the moment when the server begins to answer. */
export interface Cable {
  readonly address: string;
  /** Hides the answer to the next request that begins so (`PUT /x-gold/key`), and cuts its connection. */
  loseAnswerTo(start: string): void;
  readonly lost: number;
  pull(): Promise<void>;
  plug(): Promise<void>;
}

export async function openCable(to = objectStore): Promise<Cable> {
  const [toHost, toPort] = to.split(':') as [string, string];
  const sockets = new Set<Socket>();
  let losing: string | undefined;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(Number(toPort), toHost);
    let doomed = false;
    near.on('data', (bytes) => {
      if (losing !== undefined && bytes.toString('latin1').startsWith(losing)) {
        losing = undefined;
        doomed = true;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      // The order to go on is not the answer.
      if (doomed && !bytes.toString('latin1').startsWith('HTTP/1.1 100')) {
        lost++;
        near.destroy();
        far.destroy();
      } else near.write(bytes);
    });
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: nearPort } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${nearPort}`,
    loseAnswerTo: (start) => (losing = start),
    get lost() {
      return lost;
    },
    pull: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    plug: async () => {
      server.listen(nearPort, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
