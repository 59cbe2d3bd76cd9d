import { join } from 'node:path';
import { readTextFolders } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow, type Source } from '#tideline/retention';
import { root } from './inputs.ts';

/** One of the project's own sources, or one of another folder that holds `sources`. */
export async function source(name: string, folder = root): Promise<Source> {
  const sources = sourcesOrThrow(await readTextFolders(join(folder, 'sources'), SOURCE_FILE_NAMES));
  const found = sources.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`expected a source ${name} in sources/`);
  return found;
}
