import { PlatformError } from './errors.ts';

/** A door's address taken apart: `file:./data/log` is scheme `file`, path `./data/log`; parameters come from `?a=b&c=d`. */
export interface Address {
  readonly setting: string;
  readonly text: string;
  readonly scheme: string;
  /** What follows the colon, without parameters: a folder for `file`, `//host[:port][,host…][/prefix]` for networked schemes, empty for `memory`. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a door can open: each scheme with the parameters that it takes. */
export interface AddressRules {
  readonly setting: string;
  readonly schemes: Readonly<Record<string, readonly string[]>>;
}

/** What each door opens. */
export const doors = {
  eventLog: { setting: 'EVENT_LOG', schemes: { file: [], memory: [], kafka: ['tls', 'sasl'] } },
  objectStore: { setting: 'OBJECT_STORE', schemes: { file: [], memory: [], s3: ['tls', 'region'] } },
  experiments: { setting: 'EXPERIMENTS', schemes: { file: [], memory: [], http: [], https: [] } },
  schemaRegistry: { setting: 'SCHEMA_REGISTRY', schemes: { file: [], memory: [], http: [], https: [] } },
} as const satisfies Record<string, AddressRules>;

const FORMS: Readonly<Record<string, string>> = {
  file: 'file:<folder>', memory: 'memory:', kafka: 'kafka://<host>:<port>[,<host>:<port>…]', s3: 's3://<host>:<port>[/<prefix>]', http: 'http://<host>:<port>', https: 'https://<host>[:<port>]',
};

/** Checks an address before anything is opened; throws `ADDRESS_INVALID` with the list of what is known. */
export function parseAddress(text: string, rules: AddressRules): Address {
  const { setting } = rules;
  const known = Object.keys(rules.schemes).map((scheme) => FORMS[scheme] ?? scheme).join(', ');
  const refuse = (found: string): never => {
    throw new PlatformError('ADDRESS_INVALID', `${setting}: expected one of ${known}, found ${found}`);
  };
  const match = /^([a-z][a-z0-9+.-]*):([^?]*)(?:\?(.*))?$/i.exec(text);
  if (match === null) return refuse(`"${maskAddress(text)}"`);
  const scheme = match[1].toLowerCase();
  const path = match[2];
  const allowed = Object.hasOwn(rules.schemes, scheme) ? rules.schemes[scheme] : undefined;
  if (allowed === undefined) return refuse(`"${maskAddress(text)}"`);
  const parameters = new Map(new URLSearchParams(match[3] ?? ''));
  for (const name of parameters.keys()) {
    if (allowed.includes(name)) continue;
    const takes = allowed.length === 0 ? 'no parameters' : `the parameters ${allowed.join(', ')}`;
    throw new PlatformError('ADDRESS_INVALID', `${setting}: ${scheme}: takes ${takes}, found "${name}" in "${maskAddress(text)}"`);
  }
  if (scheme === 'memory' && path !== '') return refuse(`"${maskAddress(text)}"`);
  if (scheme === 'file') {
    if (path === '') return refuse(`"${maskAddress(text)}" without a folder`);
    return { setting, text, scheme, path: folderOf(path), parameters };
  }
  if (scheme !== 'memory') checkServers(path, text, setting, refuse);
  return { setting, text, scheme, path, parameters };
}

/** A networked address names at least one host and never a secret: those come from settings of their own. */
function checkServers(path: string, text: string, setting: string, refuse: (found: string) => never): void {
  if (path.includes('@')) {
    throw new PlatformError('ADDRESS_INVALID', `${setting}: expected no user name or password in the address, found "${maskAddress(text)}"; give them by the settings ${LOGIN_SETTINGS[setting] ?? 'of that server'}`);
  }
  if (!/^\/\/[^/,\s]+(,[^/,\s]+)*(\/\S*)?$/.test(path)) refuse(`"${maskAddress(text)}"`);
}

const LOGIN_SETTINGS: Readonly<Record<string, string>> = {
  EVENT_LOG: 'KAFKA_USERNAME and KAFKA_PASSWORD', OBJECT_STORE: 'S3_ACCESS_KEY and S3_SECRET_KEY', EXPERIMENTS: 'MLFLOW_USERNAME and MLFLOW_PASSWORD',
  SCHEMA_REGISTRY: 'SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
};

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
