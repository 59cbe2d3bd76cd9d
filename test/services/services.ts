import { z } from 'zod';

const addresses = z.object({
  /** host:port, several with commas. */
  kafka: z.string(),
  /** Address of the Confluent-compatible API. */
  registry: z.string(),
  /** host:port of the S3 server. */
  objectStore: z.string(),
  accessKey: z.string(),
  secretKey: z.string(),
  mlflow: z.string(),
});

/** Where the real servers of this run are: `npm run test:services` starts them and says so in `TIDELINE_SERVICES`. */
export function services(): z.infer<typeof addresses> {
  const text = process.env['TIDELINE_SERVICES'];
  if (text === undefined) throw new Error('expected the addresses of the real servers in TIDELINE_SERVICES, found none: run npm run test:services');
  return addresses.parse(JSON.parse(text));
}
