import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StagingFolder, makeFolder, syncFolder } from '../file-system/durable-files.ts';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';

/** Files to make inside a new folder, by relative path. */
export type FolderContent = Readonly<Record<string, string>>;

/**
 * The ways in which MLflow's folder is read and changed so that no process, killed or not, ever leaves or sees something half
 * done: whole folders and single files are prepared aside and moved in.
 */
export class MlflowFolder {
  readonly root: string;
  readonly #staging: StagingFolder;

  constructor(root: string) {
    this.root = root;
    // MLflow takes every folder here for an experiment unless its name ends in `.trash`.
    this.#staging = new StagingFolder(join(root, '.staging.trash'));
  }

  async prepare(nowMs: number): Promise<void> {
    await makeFolder(this.root);
    await makeFolder(this.#staging.path);
    await this.#staging.clean(nowMs);
  }

  /** Makes a folder with its files durably, or gives false when it exists: `rename` on a folder that is not empty fails. */
  async makeFolderIfAbsent(path: string, content: FolderContent): Promise<boolean> {
    const temporary = join(this.#staging.path, `${randomUUID()}.folder`);
    try {
      for (const [name, text] of Object.entries(content)) {
        const file = join(temporary, name);
        await mkdir(dirname(file), { recursive: true });
        const handle = await open(file, 'wx');
        await handle.writeFile(text);
        await handle.sync();
        await handle.close();
      }
      await makeFolder(dirname(path));
      await rename(temporary, path);
      await syncFolder(dirname(path));
      return true;
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (systemCode(error) === 'ENOTEMPTY' || systemCode(error) === 'EEXIST') return false;
      throw fileSystemError(error, 'make the folder', path);
    }
  }

  /** Replaces a file atomically and durably. */
  async replaceFile(path: string, content: string | Uint8Array): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    await this.#staging.publish(await this.#staging.write(bytes, path), path);
  }

  /** False when the file exists. */
  async makeFileIfAbsent(path: string, content: string): Promise<boolean> {
    return this.#staging.publishIfAbsent(await this.#staging.write(Buffer.from(content), path), path);
  }

  /** Adds to a file in one write, so that lines of several processes don't mix. */
  async append(path: string, text: string): Promise<void> {
    try {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, text);
    } catch (error) {
      throw fileSystemError(error, 'append to', path, 'unknown');
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw fileSystemError(error, 'remove', path);
    }
  }

  /** Undefined when there is no such file. */
  async readText(path: string): Promise<string | undefined> {
    return (await this.readBytes(path))?.toString();
  }

  async readBytes(path: string): Promise<Buffer | undefined> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileSystemError(error, 'read', path);
    }
  }

  /** Names of the folders in a folder, sorted; none when it is missing. */
  async folderNames(path: string): Promise<readonly string[]> {
    const entries = await this.#entries(path);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
  }

  /** Relative paths of all files below a folder, sorted; none when it is missing. */
  async filePaths(path: string): Promise<readonly string[]> {
    const paths: string[] = [];
    for (const entry of await this.#entries(path)) {
      if (entry.isFile()) paths.push(entry.name);
      else if (entry.isDirectory()) for (const below of await this.filePaths(join(path, entry.name))) paths.push(`${entry.name}/${below}`);
    }
    return paths.sort();
  }

  /** Makes every file below a folder survive a lost power line. */
  async syncFiles(path: string): Promise<void> {
    for (const file of await this.filePaths(path)) {
      const handle = await open(join(path, file), 'r');
      await handle.sync();
      await handle.close();
    }
  }

  async #entries(path: string): Promise<import('node:fs').Dirent[]> {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileSystemError(error, 'list', path);
    }
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCode(error) ?? '');
}
