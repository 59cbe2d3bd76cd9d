import { defineConfig } from 'vitest/config';

// The package's own `#tideline/*` imports resolve to TypeScript sources under the condition `source`.
export default defineConfig({
  resolve: { conditions: ['source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'] } },
  test: {
    include: ['{apps,libs,tools,bench,test}/**/*.spec.ts'],
    globalSetup: ['tools/build-kernels.mjs'],
    exclude: ['dist/**', 'node_modules/**', 'test/services/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
