import { parseSource } from './parse-source.ts';
import type { Source } from './source.ts';
import type { Problem, SourceFile } from './yaml-fields.ts';

/** The four files of a source's folder. */
export const SOURCE_FILE_NAMES = ['schema.yaml', 'features.yaml', 'models.yaml', 'deployment.yaml'] as const;

/** Every folder of sources, by name, or all problems of all of them; files are keyed by their names in the folder. */
export function parseSources(
  folders: readonly { readonly name: string; readonly files: Readonly<Record<string, SourceFile>> }[],
): { readonly sources: readonly Source[]; readonly problems: readonly Problem[] } {
  const sources: Source[] = [];
  const problems: Problem[] = [];
  for (const { name, files } of [...folders].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const missing = SOURCE_FILE_NAMES.filter((file) => files[file] === undefined);
    for (const file of missing) problems.push({ path: `${name}/${file}`, line: 1, column: 1, message: 'expected this file, found none' });
    if (missing.length > 0) continue;
    const parsed = parseSource({
      schema: files['schema.yaml']!, features: files['features.yaml']!, models: files['models.yaml']!, deployment: files['deployment.yaml']!,
    });
    if (parsed.source === undefined) problems.push(...parsed.problems);
    else if (parsed.source.name !== name) {
      problems.push({ path: files['schema.yaml']!.path, line: 1, column: 1, message: `expected source: ${name} (the folder's name), found ${parsed.source.name}` });
    } else sources.push(parsed.source);
  }
  return { sources: problems.length > 0 ? [] : sources, problems };
}
