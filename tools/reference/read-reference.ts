import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** What `reference.py` wrote under that name; the caller states the shape. */
export function readReference<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(join(repositoryRoot, 'tools/reference', `${name}.json`), 'utf8')) as Shape;
}

/** A file of the shared folder (`TIDELINE_SHARED`, or `../shared` or `../../shared` from the repository root), undefined where absent. */
export function readShared(path: string): string | undefined {
  const folders = process.env['TIDELINE_SHARED'] === undefined
    ? ['../shared', '../../shared'].map((folder) => resolve(repositoryRoot, folder))
    : [process.env['TIDELINE_SHARED']];
  const file = folders.map((folder) => join(folder, path)).find((candidate) => existsSync(candidate));
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

/** A matrix of nested lists as row-major float64, null as NaN. */
export function flatten(rows: readonly (readonly (number | null)[])[]): Float64Array {
  return Float64Array.from(rows.flatMap((row) => row.map((value) => value ?? NaN)));
}
