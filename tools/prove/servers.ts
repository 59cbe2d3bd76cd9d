import { join } from 'node:path';
import { Services } from '../services/index.ts';
import { foreignReaders, type ForeignReaders } from './foreign-readers.ts';

/** A server that the system stands on, which a proof may kill and start again. */
export interface Server {
  /** `kafka-2`, `minio` … */
  readonly name: string;
  kill(): Promise<void>;
  /** Resolves when it answers again. */
  restart(): Promise<void>;
}

/** What the apps of a proof stand on: their doors, and the servers behind these. */
export interface Stand {
  /** The doors' settings, as environment variables. */
  readonly settings: Readonly<Record<string, string>>;
  /** Empty on embedded doors. */
  readonly servers: readonly Server[];
  /** Other programs that read the same servers; undefined where there are none. */
  readonly readers: ForeignReaders | undefined;
  /** Ends what was started for the proof; data stay. */
  close(): Promise<void>;
}

/** Doors in folders of their own. */
export function embeddedStand(folder: string): Stand {
  const door = (name: string): string => `file:${folder}/${name}`;
  return {
    settings: { EVENT_LOG: door('log'), OBJECT_STORE: door('lake'), EXPERIMENTS: door('mlruns'), SCHEMA_REGISTRY: door('schemas') },
    servers: [],
    readers: undefined,
    close: async () => undefined,
  };
}

/** Real servers of the proof's own, with data in the folder: nobody else's data are near them. */
export async function serversStand(folder: string, brokers: 1 | 3, note: (text: string) => void): Promise<Stand> {
  const services = Services.open(join(folder, 'servers'), { report: note });
  try {
    await services.start({ brokers });
  } catch (error) {
    await services.stop().catch(() => undefined);
    throw error;
  }
  // The instance lets one call in at a time.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (call: () => Promise<void>): Promise<void> => {
    const done = last.then(call, call);
    last = done.catch(() => undefined);
    return done;
  };
  const names = (await services.status()).map(({ name }) => name);
  return {
    settings: services.settings(),
    servers: names.map((name) => ({ name, kill: () => inTurn(() => services.kill(name)), restart: () => inTurn(() => services.restart(name)) })),
    // Programs inside containers are not this machine's.
    readers: services.way === 'native' ? foreignReaders(services.addresses()) : undefined,
    close: () => inTurn(() => services.stop()),
  };
}
