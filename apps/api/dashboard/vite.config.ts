import { defineConfig } from 'vite';

// Everything comes from node_modules: the build needs no network, and the page loads nothing from elsewhere.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: '../../../dist/dashboard', emptyOutDir: true, target: 'es2022', reportCompressedSize: false },
  server: { proxy: { '^/(sources|scores|live|models|model-info|health|ready|docs)': 'http://127.0.0.1:3000' } },
});
