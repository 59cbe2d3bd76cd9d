import { randomBytes } from 'node:crypto';
import { Client } from 'minio';
import { objectStoreContract } from '../../libs/platform/src/object-store/object-store.contract.ts';
import { openObjectStore } from '#tideline/platform';
import { services } from './services.ts';

const { objectStore, accessKey, secretKey } = services();
const login = { username: accessKey, password: secretKey };
const [host, port] = objectStore.split(':') as [string, string];
const client = new Client({ endPoint: host, port: Number(port), useSSL: false, accessKey, secretKey, region: 'us-east-1' });
const randomPrefix = (): string => `t${randomBytes(5).toString('hex')}`;

async function removeBuckets(prefix: string): Promise<void> {
  for (const bucket of ['bronze', 'silver', 'gold'].map((name) => `${prefix}-${name}`)) {
    const names: string[] = [];
    for await (const { name } of client.listObjectsV2(bucket, '', true)) names.push(name);
    await client.removeObjects(bucket, names);
    await client.removeBucket(bucket);
  }
}

objectStoreContract('MinioObjectStore', async () => {
  const prefix = randomPrefix();
  const address = `s3://${objectStore}/${prefix}`;
  const store = await openObjectStore(address, { login });
  const dispose = async (): Promise<void> => {
    await store.close();
    await removeBuckets(prefix);
  };
  return { store, address, login, dispose };
});
