/* A process of its own for the contract suite: races for a list of keys and prints those it won. */
import type { Login } from '../configuration/configuration.ts';
import { openObjectStore } from './open-object-store.ts';

const { address, login, keys, name } = JSON.parse(process.argv[2]) as { address: string; login?: Login; keys: string[]; name: string };
const store = await openObjectStore(address, { login });
const won: string[] = [];
// The keys are raced for as soon as everybody is ready, which the parent says by closing our input.
for await (const chunk of process.stdin) void chunk;
for (const key of keys) if (await store.putIfAbsent(key, Buffer.from(name))) won.push(key);
process.stdout.write(JSON.stringify(won));
await store.close();
