import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSource, type Source } from '#tideline/retention';

/** Reads every folder of the sources' folder as a source; a mistake in any file ends in one error that lists them all with file and line. */
export async function loadSources(folder: string): Promise<readonly Source[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const parsed = await Promise.all(names.sort().map((name) => loadSource(join(folder, name))));
  const problems = parsed.flatMap((each) => each.problems);
  if (problems.length > 0) {
    throw new Error(problems.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'));
  }
  return parsed.flatMap(({ source }) => (source === undefined ? [] : [source]));
}

async function loadSource(folder: string): Promise<ReturnType<typeof parseSource>> {
  const read = async (name: string): Promise<{ path: string; text: string }> => {
    const path = join(folder, `${name}.yaml`);
    return { path, text: await readFile(path, 'utf8') };
  };
  const [schema, features, models, deployment] = await Promise.all(['schema', 'features', 'models', 'deployment'].map(read));
  return parseSource({ schema, features, models, deployment });
}
