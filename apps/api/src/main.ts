import 'reflect-metadata';
import { serve } from './serve.ts';

const ended = Promise.withResolvers<void>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve());
process.exitCode = await serve(process.env, ended.promise);
