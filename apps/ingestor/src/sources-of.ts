import type { TextFolder } from '#tideline/platform';
import { parseSources, type Source } from '#tideline/retention';

/** The sources in these folders; one error lists every mistake with its file and line. */
export function sourcesOf(folders: readonly TextFolder[]): readonly Source[] {
  const { sources, problems } = parseSources(folders);
  if (problems.length > 0) throw new Error(problems.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'));
  return sources;
}
