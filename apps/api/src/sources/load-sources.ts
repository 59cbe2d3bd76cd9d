import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '#tideline/platform';
import { parseSource, type Source } from '#tideline/retention';

/** Reads every source of a folder; one `SETTING_INVALID` lists all mistakes with file, line and column. */
export async function loadSources(folder: string): Promise<readonly Source[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
  const parsed = await Promise.all(names.map(async (name) => {
    const file = async (part: string): Promise<{ path: string; text: string }> => {
      const path = join(folder, name, `${part}.yaml`);
      return { path, text: await readFile(path, 'utf8') };
    };
    return parseSource({ schema: await file('schema'), features: await file('features'), models: await file('models'), deployment: await file('deployment') });
  }));
  const problems = parsed.flatMap((each) => each.problems);
  if (problems.length > 0) throw new PlatformError('SETTING_INVALID', problems.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'));
  return parsed.flatMap(({ source }) => (source === undefined ? [] : [source]));
}
