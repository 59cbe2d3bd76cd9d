import { PlatformError } from './errors.ts';

/** A door's address taken apart: `file:./data/log` is scheme `file`, path `./data/log`; parameters come from `?a=b&c=d`. */
export interface Address {
  readonly setting: string;
  readonly text: string;
  readonly scheme: string;
  /** What follows the colon, without parameters: a folder for `file`, `//host…` for networked schemes, empty for `memory`. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a door can open: its schemes in this build, and those it will know only with a networked client. */
export interface AddressRules {
  readonly setting: string;
  readonly schemes: readonly string[];
  readonly notInThisBuild?: readonly string[];
}

/** What each door opens in this build. */
export const doors = {
  eventLog: { setting: 'EVENT_LOG', schemes: ['file', 'memory'], notInThisBuild: ['kafka'] },
  objectStore: { setting: 'OBJECT_STORE', schemes: ['file', 'memory'], notInThisBuild: ['s3'] },
  experiments: { setting: 'EXPERIMENTS', schemes: ['file', 'memory'], notInThisBuild: ['http', 'https'] },
  schemaRegistry: { setting: 'SCHEMA_REGISTRY', schemes: ['file', 'memory'], notInThisBuild: ['http', 'https'] },
} as const satisfies Record<string, AddressRules>;

/** Checks an address before anything is opened; throws `ADDRESS_INVALID` with the list of what is known. */
export function parseAddress(text: string, rules: AddressRules): Address {
  const { setting } = rules;
  const known = rules.schemes.map((scheme) => (scheme === 'memory' ? 'memory:' : `${scheme}:<folder>`)).join(', ');
  const refuse = (found: string): never => {
    throw new PlatformError('ADDRESS_INVALID', `${setting}: expected one of ${known}, found ${found}`);
  };
  const match = /^([a-z][a-z0-9+.-]*):([^?]*)(?:\?(.*))?$/i.exec(text);
  if (match === null) return refuse(`"${maskAddress(text)}"`);
  const scheme = match[1].toLowerCase();
  const path = match[2];
  if (rules.notInThisBuild?.includes(scheme) === true) {
    return refuse(`"${maskAddress(text)}", and ${scheme}: is not in this build yet`);
  }
  if (!rules.schemes.includes(scheme)) return refuse(`"${maskAddress(text)}"`);
  const parameters = new Map(new URLSearchParams(match[3] ?? ''));
  for (const name of parameters.keys()) {
    throw new PlatformError('ADDRESS_INVALID', `${setting}: ${scheme}: takes no parameters, found "${name}" in "${maskAddress(text)}"`);
  }
  if (scheme === 'memory' && path !== '') return refuse(`"${maskAddress(text)}"`);
  if (scheme === 'file' && path === '') return refuse(`"${maskAddress(text)}" without a folder`);
  return { setting, text, scheme, path: scheme === 'file' ? folderOf(path) : path, parameters };
}

/** The address as it may be shown: user names, passwords and secret-looking parameters are replaced by `***`. */
export function maskAddress(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1***@')
    .replace(/([?&][^=&]*(?:password|secret|token|key|credential)[^=&]*=)[^&]*/gi, '$1***');
}

// `file:///var/x` and `file:/var/x` are both the folder /var/x; `file://host/x` would be a share, which no door can open.
function folderOf(path: string): string {
  if (!path.startsWith('//')) return path;
  if (path.startsWith('///')) return path.slice(2);
  throw new PlatformError('ADDRESS_INVALID', `expected a folder like file:./data or file:///data, found "file:${path}"`);
}
