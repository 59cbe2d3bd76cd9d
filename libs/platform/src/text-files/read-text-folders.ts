import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';

/** A folder's named text files; those that do not exist are left out. */
export interface TextFolder {
  readonly name: string;
  readonly path: string;
  readonly files: Readonly<Record<string, { readonly path: string; readonly text: string }>>;
}

/** Reads the named files of every folder directly inside `directory`, folders sorted by name. */
export async function readTextFolders(directory: string, fileNames: readonly string[]): Promise<readonly TextFolder[]> {
  let entries;
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    throw fileSystemError(error, 'read', directory);
  }
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
  return Promise.all(folders.map(async (name) => ({ name, path: join(directory, name), files: await readFiles(join(directory, name), fileNames) })));
}

async function readFiles(folder: string, fileNames: readonly string[]): Promise<TextFolder['files']> {
  const files: Record<string, { path: string; text: string }> = {};
  for (const fileName of fileNames) {
    const path = join(folder, fileName);
    try {
      files[fileName] = { path, text: await readFile(path, 'utf8') };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw fileSystemError(error, 'read', path);
    }
  }
  return files;
}
