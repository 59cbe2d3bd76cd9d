import { maskAddress, type Address } from '../../address.ts';
import type { Login } from '../../configuration/configuration.ts';
import { PlatformError } from '../../errors.ts';

/** How to reach a cluster, taken from `kafka://host:port,…?tls=true&sasl=scram-sha-512` and the login of that door. */
export interface KafkaSettings {
  /** The address as it may be shown in messages. */
  readonly shown: string;
  readonly seeds: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | undefined;
  readonly clientId: string;
}

const defaultPort = 9092;
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'];

/** Checks what the address says about hosts, TLS and SASL before anything is opened; throws `ADDRESS_INVALID` or `SETTING_INVALID`. */
export function kafkaSettings(address: Address, app: string, login: Login | undefined): KafkaSettings {
  const shown = maskAddress(address.text);
  const refuse = (what: string): never => {
    throw new PlatformError('ADDRESS_INVALID', `${address.setting}: ${what} in "${shown}"`);
  };
  const [servers, ...rest] = address.path.slice(2).split('/');
  if (rest.join('') !== '') refuse(`expected nothing after the servers, found "/${rest.join('/')}"`);
  const seeds = servers.split(',').map((server) => {
    const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(server);
    const port = Number(match?.[2] ?? defaultPort);
    if (match === null || port < 1 || port > 65_535) return refuse(`expected <host>:<port>, found "${server}"`);
    return { host: match[1].replace(/^\[|\]$/g, ''), port };
  });
  const tls = address.parameters.get('tls') ?? 'false';
  if (tls !== 'true' && tls !== 'false') refuse(`expected tls=true or tls=false, found "${tls}"`);
  const mechanism = address.parameters.get('sasl');
  if (mechanism !== undefined && !mechanisms.includes(mechanism)) refuse(`expected sasl to be one of ${mechanisms.join(', ')}, found "${mechanism}"`);
  if (mechanism !== undefined && login === undefined) {
    throw new PlatformError('SETTING_INVALID', `${address.setting}: sasl=${mechanism} needs a login, found none: set KAFKA_USERNAME and KAFKA_PASSWORD`);
  }
  if (mechanism === undefined && login !== undefined) {
    throw new PlatformError('SETTING_INVALID', `${address.setting}: found KAFKA_USERNAME, but "${shown}" does not say how to log in: add ?sasl=${mechanisms.join('|')}`);
  }
  const sasl = mechanism === undefined || login === undefined ? undefined : { mechanism, ...login };
  return { shown, seeds, tls: tls === 'true', sasl, clientId: `tideline-${app}` };
}
