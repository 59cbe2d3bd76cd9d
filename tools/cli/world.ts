import { Lake, Sql } from '#tideline/lake';
import {
  loadConfiguration, nearestName, openEventLog, openExperimentTracker, openObjectStore, openSchemaRegistry, readTextFolders, SystemClock,
  type Configuration, type EventLog, type ExperimentTracker, type ObjectStore, type SchemaRegistry,
} from '#tideline/platform';
import { InvalidSourcesError, SOURCE_FILE_NAMES, sourcesOrThrow, type Source } from '#tideline/retention';
import { failed, wrongUse } from './command-error.ts';

/** Which app a command acts as: whose part of the event log it writes. */
export type ActingApp = 'ingestor' | 'speed-layer' | 'batch-layer' | 'trainer' | 'api' | 'command';

/** The doors of one command, each opened when first asked for and all closed at its end. */
export class World {
  readonly configuration: Configuration;
  readonly clock = new SystemClock();
  readonly #open: { close(): Promise<void> | void }[] = [];
  #log: Promise<EventLog> | undefined;
  #store: Promise<ObjectStore> | undefined;
  #tracker: Promise<ExperimentTracker> | undefined;
  #registry: Promise<SchemaRegistry> | undefined;

  constructor(configuration: Configuration = loadConfiguration(process.cwd())) {
    this.configuration = configuration;
  }

  log(app: ActingApp): Promise<EventLog> {
    return (this.#log ??= this.#keep(openEventLog(this.configuration.eventLog, { app, login: this.configuration.logins.eventLog })));
  }

  store(): Promise<ObjectStore> {
    return (this.#store ??= this.#keep(openObjectStore(this.configuration.objectStore, { login: this.configuration.logins.objectStore })));
  }

  tracker(): Promise<ExperimentTracker> {
    return (this.#tracker ??= this.#keep(openExperimentTracker(this.configuration.experiments, { login: this.configuration.logins.experiments })));
  }

  registry(): Promise<SchemaRegistry> {
    return (this.#registry ??= this.#keep(openSchemaRegistry(this.configuration.schemaRegistry, { login: this.configuration.logins.schemaRegistry })));
  }

  async lake(): Promise<Lake> {
    return new Lake(await this.store());
  }

  sql(): Promise<Sql> {
    return this.store().then((store) => this.#keep(Sql.open(store, { memoryLimit: '1GB', threads: 2 })));
  }

  async sources(): Promise<readonly Source[]> {
    try {
      return sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
    } catch (error) {
      throw error instanceof InvalidSourcesError ? failed(error.message) : error;
    }
  }

  /** The source of that name, or a message that names the nearest one. */
  async source(name: string): Promise<Source> {
    const sources = await this.sources();
    const found = sources.find((source) => source.name === name);
    if (found !== undefined) return found;
    const names = sources.map((source) => source.name);
    throw wrongUse(`expected a source (${names.join(', ')}), found '${name}'`, `did you mean ${nearestName(name, names)}?`);
  }

  async close(): Promise<void> {
    for (const door of this.#open.reverse()) await door.close();
    this.#open.length = 0;
  }

  async #keep<T extends { close(): Promise<void> | void }>(opening: Promise<T>): Promise<T> {
    const door = await opening;
    this.#open.push(door);
    return door;
  }
}
