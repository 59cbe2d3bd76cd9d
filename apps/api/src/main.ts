import 'reflect-metadata';
import { endProcessWith, stopRequest } from '#tideline/platform';
import { serve } from './serve.ts';

endProcessWith('api', await serve(process.env, stopRequest('api')));
