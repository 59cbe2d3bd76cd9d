import { parseSource } from './parse-source.ts';
import type { Source } from './source.ts';
import type { Problem, SourceFile } from './yaml-fields.ts';

/** The files of a source's folder; all but `checks.yaml` must be there. */
export const SOURCE_FILE_NAMES = ['schema.yaml', 'features.yaml', 'models.yaml', 'deployment.yaml', 'checks.yaml'] as const;
const OPTIONAL_FILES: readonly string[] = ['checks.yaml'];

/** A source's folder as text; files are keyed by their names in it. */
export interface SourceFolder {
  readonly name: string;
  /** As messages call it; the name when absent. */
  readonly path?: string;
  readonly files: Readonly<Record<string, SourceFile>>;
}

/** Every folder of sources, by name, or all problems of all of them. */
export function parseSources(folders: readonly SourceFolder[]): { readonly sources: readonly Source[]; readonly problems: readonly Problem[] } {
  const sources: Source[] = [];
  const problems: Problem[] = [];
  for (const { name, path = name, files } of [...folders].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const missing = SOURCE_FILE_NAMES.filter((file) => files[file] === undefined && !OPTIONAL_FILES.includes(file));
    for (const file of missing) problems.push({ path: `${path}/${file}`, line: 1, column: 1, message: 'expected this file, found none' });
    if (missing.length > 0) continue;
    const parsed = parseSource({
      schema: files['schema.yaml']!, features: files['features.yaml']!, models: files['models.yaml']!, deployment: files['deployment.yaml']!,
      checks: files['checks.yaml'],
    });
    if (parsed.source === undefined) problems.push(...parsed.problems);
    else if (parsed.source.name !== name) {
      problems.push({ path: files['schema.yaml']!.path, line: 1, column: 1, message: `expected source: ${name} (the folder's name), found ${parsed.source.name}` });
    } else sources.push(parsed.source);
  }
  return { sources: problems.length > 0 ? [] : sources, problems };
}

/** Files that do not describe sources; the message has a line for each mistake: file, line, column, what was expected and found. */
export class InvalidSourcesError extends Error {
  override readonly name = 'InvalidSourcesError';

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'));
  }
}

/** The sources in these folders, for programs that can't do without any of them: throws `InvalidSourcesError` with every mistake. */
export function sourcesOrThrow(folders: readonly SourceFolder[]): readonly Source[] {
  const { sources, problems } = parseSources(folders);
  if (problems.length > 0) throw new InvalidSourcesError(problems);
  return sources;
}
