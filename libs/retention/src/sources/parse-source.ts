import { parseChecks } from '../checks/parse-checks.ts';
import { parseDeployment } from './parse-deployment.ts';
import { parseFeatures } from './parse-features.ts';
import { parseModels } from './parse-models.ts';
import { parseSchema } from './parse-schema.ts';
import { hasTables, parseTables } from './parse-tables.ts';
import type { Source } from './source.ts';
import { stableDigest } from './stable-digest.ts';
import { OpenFile, type Problem, type SourceFile } from './yaml-fields.ts';

/** The files that describe a source. */
export interface SourceFiles {
  readonly schema: SourceFile;
  readonly features: SourceFile;
  readonly models: SourceFile;
  readonly deployment: SourceFile;
  /** Without it nothing is checked beyond the schema's own rules. */
  readonly checks?: SourceFile | undefined;
}

export type ParsedSource =
  | { readonly source: Source; readonly problems: readonly [] }
  | { readonly source: undefined; readonly problems: readonly Problem[] };

/**
 * Reads, checks and normalises a source; its expressions are parsed and type-checked here. All mistakes of a file come back at
 * once; later files are read against what the earlier ones say, so a broken schema hides mistakes of the others.
 */
export function parseSource(files: SourceFiles): ParsedSource {
  const problems: Problem[] = [];
  const schemaFile = new OpenFile(files.schema, problems);
  const schema = hasTables(schemaFile) ? parseTables(schemaFile) : parseSchema(schemaFile);
  if (schema === undefined || problems.length > 0) return failed(problems);
  const features = parseFeatures(new OpenFile(files.features, problems), schema);
  if (features === undefined || problems.length > 0) return failed(problems);
  const models = parseModels(new OpenFile(files.models, problems), schema, features);
  const deployment = parseDeployment(new OpenFile(files.deployment, problems), schema, models ?? { task: 'classification' } as never);
  if (models === undefined || deployment === undefined || problems.length > 0) return failed(problems);
  const checks = files.checks === undefined ? [] : parseChecks(new OpenFile(files.checks, problems), { ...schema, features, models });
  if (problems.length > 0) return failed(problems);
  const { outcomes: _, ...columns } = schema;
  const definition = { ...columns, features, models, deployment, checks };
  return { source: { ...definition, version: versionOf(definition) }, problems: [] };
}

function failed(problems: readonly Problem[]): ParsedSource {
  return { source: undefined, problems };
}

/** Digest of what decides records, states, features, rewards and labels; titles, models and deployment may change freely. */
export function versionOf(source: Omit<Source, 'version'>): string {
  const { name, columns, derived, rejects, entity, time, tileMs, latenessMs, features, tables } = source;
  const { aggregates, attributes, composed, features: formulas, population, state, reward, action, terminal, visit } = features;
  return stableDigest({
    columns: columns.map(({ description: _, field: __, ...column }) => column),
    name, derived, rejects, entity, time, tileMs, latenessMs, aggregates, formulas, population, state, reward, action, terminal, visit, attributes,
    tables: tables?.map((table) => ({ name: table.name, kind: table.kind, validFrom: table.validFrom, latenessMs: table.latenessMs, columns: table.columns.map((column) => column.name) })),
    composed: composed.length === 0 ? undefined : composed,
  });
}
