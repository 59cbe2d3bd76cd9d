import type { Address } from '../../address.ts';
import { PlatformError } from '../../errors.ts';

/** Where an S3 server is and what our buckets are called there. */
export interface S3Address {
  /** The setting and the address, as error messages begin. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Absent: the server is asked. */
  readonly region: string | undefined;
  /** Goes before the names of the three buckets: empty, or `acme-`. */
  readonly bucketPrefix: string;
}

/** The first segments of keys; with the prefix they are the names of the buckets. In the order of keys. */
export const buckets = ['bronze', 'gold', 'silver'] as const;

/**
 * Reads `s3://host[:port][/prefix][?tls=true|false&region=…]`. TLS is on by default where no port is given or the port is 443, off
 * for other ports (where local servers listen).
 */
export function readS3Address({ setting, text, path, parameters }: Address): S3Address {
  const refuse = (expected: string): never => {
    throw new PlatformError('ADDRESS_INVALID', `${setting}: expected ${expected}, found "${text}"`);
  };
  const match = /^\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(?:\/(.*))?$/.exec(path);
  if (match === null) return refuse('one server as s3://<host>[:<port>][/<prefix>]');
  const [, host, portText, prefix = ''] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > 65_535)) refuse('a port from 1 to 65535');
  if (!/^([a-z0-9]([a-z0-9-]{0,53}[a-z0-9])?)?$/.test(prefix)) {
    refuse('a prefix of at most 55 lower-case letters, digits and hyphens, because it becomes part of the names of buckets');
  }
  const tlsText = parameters.get('tls');
  if (tlsText !== undefined && tlsText !== 'true' && tlsText !== 'false') refuse('tls=true or tls=false');
  const tls = tlsText === undefined ? port === undefined || port === 443 : tlsText === 'true';
  return {
    name: `${setting} ${text}`,
    host: host.replace(/^\[|\]$/g, ''),
    port: port ?? (tls ? 443 : 80),
    tls,
    region: parameters.get('region'),
    bucketPrefix: prefix === '' ? '' : `${prefix}-`,
  };
}
