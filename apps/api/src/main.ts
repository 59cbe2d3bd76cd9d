import 'reflect-metadata';
import { stopRequest } from '#tideline/platform';
import { serve } from './serve.ts';

const ended = Promise.withResolvers<void>();
stopRequest('api').addEventListener('abort', () => ended.resolve());
process.exitCode = await serve(process.env, ended.promise);
