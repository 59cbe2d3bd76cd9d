import { join } from 'node:path';
import type { ModelVersion } from './experiment-tracker.ts';
import { modelMeta, parseMeta, textOf, versionMeta } from './mlflow-files.ts';
import type { MlflowFolder } from './mlflow-folder.ts';
import { checkAliasName, checkModelName, noSuchVersion } from './tracking-rules.ts';

/** Registered models below `models/` of MLflow's folder: a folder a version, a file an alias that holds the version's number. */
export class FileModelRegistry {
  readonly #folder: MlflowFolder;

  constructor(folder: MlflowFolder) {
    this.#folder = folder;
  }

  /** The next free number is whichever folder this process manages to make; numbers are never used twice. */
  async register(name: string, runId: string, artifactPath: string, tags: Readonly<Record<string, string>>, nowMs: number): Promise<ModelVersion> {
    checkModelName(name);
    await this.#folder.makeFolderIfAbsent(this.#path(name), { 'meta.yaml': modelMeta(name, nowMs) });
    const numbers = await this.#numbers(name);
    for (let number = (numbers.at(-1) ?? 0) + 1; ; number++) {
      const content: Record<string, string> = { 'meta.yaml': versionMeta(name, number, runId, artifactPath, nowMs) };
      for (const [tag, value] of Object.entries(tags)) content[`tags/${tag}`] = value;
      const made = await this.#folder.makeFolderIfAbsent(this.#path(name, `version-${number}`), content);
      if (made) return this.version(name, String(number));
    }
  }

  async version(name: string, version: string): Promise<ModelVersion> {
    const found = await this.#read(name, version, await this.#aliases(name));
    if (found === undefined) throw noSuchVersion(name, version);
    return found;
  }

  async versions(name: string): Promise<readonly ModelVersion[]> {
    const aliases = await this.#aliases(name);
    const found: ModelVersion[] = [];
    for (const number of await this.#numbers(name)) {
      const version = await this.#read(name, String(number), aliases);
      if (version !== undefined) found.push(version);
    }
    return found;
  }

  async names(): Promise<readonly string[]> {
    return this.#folder.folderNames(join(this.#folder.root, 'models'));
  }

  async versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    if (!isSafe(name) || !isSafe(alias)) return undefined;
    const version = (await this.#folder.readText(this.#path(name, 'aliases', alias)))?.trim();
    return version === undefined ? undefined : this.version(name, version);
  }

  async setAlias(name: string, alias: string, version: string): Promise<void> {
    checkAliasName(alias);
    await this.version(name, version);
    await this.#folder.replaceFile(this.#path(name, 'aliases', alias), version);
  }

  async deleteAlias(name: string, alias: string): Promise<void> {
    if (isSafe(name) && isSafe(alias)) await this.#folder.remove(this.#path(name, 'aliases', alias));
  }

  async #numbers(name: string): Promise<readonly number[]> {
    if (!isSafe(name)) return [];
    const folders = await this.#folder.folderNames(this.#path(name));
    return folders.flatMap((folder) => Number(/^version-(\d+)$/.exec(folder)?.[1] ?? NaN) || []).sort((a, b) => a - b);
  }

  /** Version numbers by alias. */
  async #aliases(name: string): Promise<ReadonlyMap<string, string>> {
    const aliases = new Map<string, string>();
    if (!isSafe(name)) return aliases;
    for (const alias of await this.#folder.filePaths(this.#path(name, 'aliases'))) {
      const version = await this.#folder.readText(this.#path(name, 'aliases', alias));
      if (version !== undefined) aliases.set(alias, version.trim());
    }
    return aliases;
  }

  async #read(name: string, version: string, aliases: ReadonlyMap<string, string>): Promise<ModelVersion | undefined> {
    if (!isSafe(name) || !/^\d+$/.test(version)) return undefined;
    const folder = this.#path(name, `version-${version}`);
    const path = join(folder, 'meta.yaml');
    const text = await this.#folder.readText(path);
    if (text === undefined) return undefined;
    const meta = parseMeta(text, path);
    // A version that somebody registered in MLflow itself may come from anywhere; it is listed, though its source is not ours.
    const source = textOf(meta, 'source');
    const ours = /^runs:\/([0-9a-f]{32})\/(.+)$/.exec(source);
    const tags: Record<string, string> = {};
    for (const tag of await this.#folder.filePaths(join(folder, 'tags'))) tags[tag] = (await this.#folder.readText(join(folder, 'tags', tag))) ?? '';
    return {
      name,
      version,
      runId: ours?.[1] ?? textOf(meta, 'run_id'),
      artifactPath: ours?.[2] ?? source,
      createdAtMs: Number(meta['creation_timestamp']),
      tags,
      aliases: [...aliases].filter(([, target]) => target === version).map(([alias]) => alias),
    };
  }

  #path(name: string, ...below: readonly string[]): string {
    return join(this.#folder.root, 'models', name, ...below);
  }
}

// Names that can't have been given to a model or an alias are simply not there.
function isSafe(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name);
}
