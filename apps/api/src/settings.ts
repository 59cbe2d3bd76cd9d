import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlatformError } from '#tideline/platform';
import { parseApiKeys, type ApiKey } from './access/api-keys.ts';

/** What decides how the API listens and whom it answers. */
export interface ApiSettings {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly keys: readonly ApiKey[];
  /** Sources whose data was generated; the dashboard says so. */
  readonly synthetic: readonly string[];
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** Reads the API's own settings; `PlatformError` `SETTING_INVALID` names the setting. Another host than loopback needs keys. */
export function readApiSettings(environment: Readonly<Record<string, string | undefined>>): ApiSettings {
  const host = environment['TIDELINE_HOST'] ?? '127.0.0.1';
  const portText = environment['TIDELINE_PORT'] ?? '3000';
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : NaN;
  if (!(port >= 0 && port <= 65_535)) throw new PlatformError('SETTING_INVALID', `TIDELINE_PORT: expected a port from 0 to 65535, found ${JSON.stringify(portText)}`);
  const { keys, problems } = parseApiKeys(environment['TIDELINE_API_KEYS'] ?? '');
  if (problems.length > 0) throw new PlatformError('SETTING_INVALID', `TIDELINE_API_KEYS: ${problems.join('; ')}`);
  if (keys.length === 0 && !LOOPBACK.has(host)) {
    throw new PlatformError('SETTING_INVALID', `TIDELINE_HOST: expected a loopback address while TIDELINE_API_KEYS is empty, found ${host}; set keys to listen elsewhere`);
  }
  const synthetic = (environment['TIDELINE_SYNTHETIC'] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
  return { host, port, keys, synthetic };
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
