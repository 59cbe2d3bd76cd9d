/** The architecture as rules; each name reads as a sentence. Specs may look anywhere, production code may not. */
const spec = '[.](spec|contract|checks|processes|child)[.]ts$|fixtures[.]ts$|naive-[a-z-]+[.]ts$|random-expression[.]ts$';
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-circular', 'a circle has no inside; types may look at each other', { pathNot: spec }, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
    forbid('retention-imports-only-its-own-needs', 'retention does no I/O and knows no other library',
      { path: '^libs/retention/', pathNot: spec },
      { pathNot: '^libs/retention/|^node_modules/(yaml|pgsql-ast-parser)/|^(node:)?assert' }),
    forbid('learning-imports-nothing', 'learning knows nothing of churn, files or clocks',
      { path: '^libs/learning/', pathNot: spec }, { pathNot: '^libs/learning/|^(node:)?assert' }),
    forbid('engines-see-only-contracts', 'streaming and lake see the outside world as types',
      { path: '^libs/(streaming|lake)/', pathNot: spec },
      { path: '^libs/(platform|retention|learning)/', dependencyTypesNot: ['type-only'] }),
    forbid('engines-are-strangers', 'streaming and lake do not know each other',
      { path: '^libs/(streaming|lake)/', pathNot: spec }, { path: '^libs/(streaming|lake)/', pathNot: '^libs/$1/' }),
    forbid('platform-knows-no-domain', 'platform imports no other library',
      { path: '^libs/platform/', pathNot: spec }, { path: '^libs/(retention|learning|streaming|lake)/' }),
    forbid('libs-do-not-import-apps', 'arrows point inward', { path: '^libs/', pathNot: spec }, { path: '^(apps|tools|bench|test)/' }),
    forbid('apps-do-not-meet', 'an app never imports another app',
      { path: '^apps/([^/]+)/', pathNot: spec }, { path: '^apps/', pathNot: '^apps/$1/' }),
    forbid('apps-do-not-import-tools', 'tools sit on top', { path: '^apps/', pathNot: spec }, { path: '^(tools|bench|test)/' }),
    forbid('libs-are-entered-by-the-front-door', 'another room is entered through its index.ts',
      { path: '^(apps|tools|bench)/', pathNot: spec }, { path: '^libs/', pathNot: '^libs/[^/]+/src/index[.]ts$' }),
    forbid('nest-stays-at-the-edge', 'Nest only in apps and modules',
      { path: '^(libs|tools)/', pathNot: '[.]module[.]ts$' }, { path: '^node_modules/@nestjs/' }),
    forbid('one-importer-for-duckdb', '', { pathNot: '^libs/lake/src/sql/|' + spec }, { path: '^node_modules/@duckdb/' }),
    forbid('one-importer-for-parquet', '', { pathNot: '^libs/lake/src/parquet/|' + spec }, { path: '^node_modules/hyparquet' }),
    forbid('one-importer-for-sqlite', '', { pathNot: '^libs/platform/|' + spec }, { path: '^(node:)?sqlite$' }),
    forbid('one-importer-for-kafka', 'kafkajs and its inner parts', { pathNot: '^(libs/platform/src/event-log/kafka|bench|test)/|' + spec }, { path: '^node_modules/kafkajs/' }),
    forbid('folders-have-names-that-say-something', '', {}, { path: '/(common|shared|utils?|helpers?|core|misc|types|interfaces|constants)/', pathNot: 'node_modules' }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/|^apps/api/dashboard/' },
    enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default'], exportsFields: ['exports'] },
  },
};
