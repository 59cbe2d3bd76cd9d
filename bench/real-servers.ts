import { z } from 'zod';

const addresses = z.object({ kafka: z.string(), registry: z.string(), objectStore: z.string(), accessKey: z.string(), secretKey: z.string(), mlflow: z.string() });

/**
 * Settings of apps on the real servers that `TIDELINE_SERVICES` names, objects under a prefix of this run; undefined when it names none. The measured
 * topics must be empty: these programs are for servers of their own, never for ones with data that matter.
 */
export function serverSettings(prefix: string): Readonly<Record<string, string>> | undefined {
  const text = process.env['TIDELINE_SERVICES'];
  if (text === undefined) return undefined;
  const { kafka, registry, objectStore, accessKey, secretKey, mlflow } = addresses.parse(JSON.parse(text));
  return {
    EVENT_LOG: `kafka://${kafka}`, OBJECT_STORE: `s3://${objectStore}/${prefix}?tls=false`, EXPERIMENTS: mlflow, SCHEMA_REGISTRY: registry,
    S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey,
  };
}
