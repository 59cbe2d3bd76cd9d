import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfiguration, PlatformError, type ApiKey, type Configuration, type Environment } from '#tideline/platform';

/** What decides how the API listens and whom it answers. */
export interface ApiSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly keys: readonly ApiKey[];
}

/** The configuration of this process, and the sources whose data was generated: the supervisor names them in `TIDELINE_SYNTHETIC`. */
export function readSettings(environment: Environment): { configuration: Configuration; settings: ApiSettings; synthetic: readonly string[] } {
  const { TIDELINE_SYNTHETIC: marked = '', ...others } = environment;
  const configuration = loadConfiguration(process.cwd(), others);
  const synthetic = marked.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return { configuration, settings: apiSettings(configuration), synthetic };
}

/** The part of the configuration that is the API's own. */
export function apiSettings({ host, port, apiKeys }: Configuration): ApiSettings {
  return { host, port, keys: apiKeys };
}

/** The installation's root folder: the nearest one above this file that has `sources` and `package.json`. */
export function installationRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'sources')))) {
    const parent = dirname(folder);
    if (parent === folder) throw new PlatformError('NOT_FOUND', `expected a folder with package.json and sources above ${import.meta.url}, found none`);
    folder = parent;
  }
  return folder;
}
