import { Lake, Sql } from '#tideline/lake';
import {
  Doors, loadConfiguration, nearestName, readTextFolders, SystemClock,
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
  readonly #doors: Doors;
  #log: Doors | undefined;
  #sql: Promise<Sql> | undefined;

  constructor(configuration: Configuration = loadConfiguration(process.cwd())) {
    this.configuration = configuration;
    this.#doors = new Doors(configuration, 'command');
  }

  /** The first call of a command decides whose part of the log it writes. */
  log(app: ActingApp): Promise<EventLog> {
    return (this.#log ??= new Doors(this.configuration, app)).get('eventLog');
  }

  store(): Promise<ObjectStore> {
    return this.#doors.get('objectStore');
  }

  tracker(): Promise<ExperimentTracker> {
    return this.#doors.get('experiments');
  }

  registry(): Promise<SchemaRegistry> {
    return this.#doors.get('schemaRegistry');
  }

  async lake(): Promise<Lake> {
    return new Lake(await this.store());
  }

  sql(): Promise<Sql> {
    return (this.#sql ??= this.store().then((store) => Sql.open(store, { memoryLimit: '1GB', threads: 2 })));
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
    await this.#sql?.then((sql) => sql.close(), () => undefined);
    await this.#log?.close();
    await this.#doors.close();
  }
}
