import tseslint from 'typescript-eslint';

const clockAndChance = [
  { object: 'Date', property: 'now', message: 'time arrives as a parameter here' },
  { object: 'Math', property: 'random', message: 'randomness arrives as a parameter here' },
  { object: 'process', property: 'env', message: 'settings arrive as parameters here' },
];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'data/**', '.services/**', 'libs/learning/assembly/**', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      'max-lines-per-function': ['error', { max: 90, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 460, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.spec.ts', '**/*.contract.ts', '**/*.checks.ts', 'test/**', 'bench/**', 'tools/**', '**/*fixtures.ts', '**/test/**'],
    rules: { 'max-lines-per-function': 'off', 'no-console': 'off' },
  },
  {
    files: ['libs/retention/**/*.ts', 'libs/learning/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.checks.ts', '**/*fixtures.ts'],
    rules: { 'no-restricted-properties': ['error', ...clockAndChance] },
  },
  {
    // Nest reads constructor types at run time, so these imports must stay values.
    files: ['apps/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
);
