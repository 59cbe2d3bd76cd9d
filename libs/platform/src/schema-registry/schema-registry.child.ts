/* A process of its own for the contract suite: registers schemas under subjects and prints their ids. */
import { openSchemaRegistry } from './open-schema-registry.ts';

const { address, schemas } = JSON.parse(process.argv[2]) as { address: string; schemas: { subject: string; schema: string }[] };
const registry = await openSchemaRegistry(address);
for await (const chunk of process.stdin) void chunk;
const ids: number[] = [];
for (const { subject, schema } of schemas) ids.push(await registry.register(subject, schema, 'AVRO'));
process.stdout.write(JSON.stringify(ids));
