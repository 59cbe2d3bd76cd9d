/** A server that the system stands on, which a proof may kill and start again. */
export interface Server {
  /** `broker-2`, `object-store` … */
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
  /** Stops what was started for the proof. */
  close(): Promise<void>;
}

/** Doors in folders of their own. */
export function embeddedStand(folder: string): Stand {
  const door = (name: string): string => `file:${folder}/${name}`;
  return {
    settings: { EVENT_LOG: door('log'), OBJECT_STORE: door('lake'), EXPERIMENTS: door('mlruns'), SCHEMA_REGISTRY: door('schemas') },
    servers: [],
    close: async () => undefined,
  };
}
