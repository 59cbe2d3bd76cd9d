/** One server as it is now. */
export interface ServerStatus {
  readonly name: string;
  /** `dead`: it was started and ended without being asked to. */
  readonly state: 'ready' | 'starting' | 'dead' | 'stopped';
  readonly port: number;
  /** A file, or the command that shows the log. */
  readonly log: string;
  readonly pid?: number;
}

/** What runs the servers of one instance: this machine, or containers. Names are `kafka-1` (to `kafka-3`), `registry`, `minio`, `mlflow`. */
export interface ServerHost {
  install(names: readonly string[]): Promise<void>;
  /** Starts those that do not run, and waits until all are ready. */
  start(names: readonly string[]): Promise<void>;
  /** SIGKILL: nothing is flushed or said goodbye to. */
  kill(name: string): Promise<void>;
  stop(names: readonly string[]): Promise<void>;
  status(): Promise<readonly ServerStatus[]>;
}
