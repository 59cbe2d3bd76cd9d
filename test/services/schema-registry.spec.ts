import { schemaRegistryContract } from '../../libs/platform/src/schema-registry/schema-registry.contract.ts';
import { openSchemaRegistry } from '#tideline/platform';
import { services } from './services.ts';

const { registry: address } = services();

schemaRegistryContract('ConfluentSchemaRegistry', async () => {
  const registry = await openSchemaRegistry(address);
  return { registry, address, dispose: () => registry.close() };
});
