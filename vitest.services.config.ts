import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

// What needs real servers: one file at a time, because some of them are killed on purpose.
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({
    test: { include: ['test/services/**/*.spec.ts'], exclude: ['dist/**', 'node_modules/**'], fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 },
  }),
);
