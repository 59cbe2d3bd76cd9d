import { z } from 'zod';

const addresses = z.object({ kafka: z.string(), registry: z.string(), objectStore: z.string(), accessKey: z.string(), secretKey: z.string(), mlflow: z.string() });

/** Settings of apps on the real servers that `TIDELINE_SERVICES` names (JSON, as `npm run --silent services -- status --json` has it), objects under a prefix of this run. */
export function serverSettings(prefix: string) {
  const text = process.env['TIDELINE_SERVICES'];
  if (text === undefined) throw new Error('expected the addresses of real servers in TIDELINE_SERVICES, found none: start them by `npm run services`');
  const { kafka, registry, objectStore, accessKey, secretKey, mlflow } = addresses.parse(JSON.parse(text));
  return {
    EVENT_LOG: `kafka://${kafka}`, OBJECT_STORE: `s3://${objectStore}/${prefix}?tls=false`, EXPERIMENTS: mlflow, SCHEMA_REGISTRY: registry,
    S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey,
  };
}
