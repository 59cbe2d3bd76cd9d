import { strict as assert } from 'node:assert';
import type { Random } from '../random.ts';
import { splitByFold, type Split } from './splits.ts';

/**
 * k splits whose tests part the rows and that never have an entity on both sides. Entities go, largest first and equal ones in random order,
 * to the fold with the fewest rows so far.
 */
export function groupedFolds(entities: ArrayLike<string | number>, foldCount: number, random: Random): readonly Split[] {
  const rowsOf = new Map<string | number, number>();
  for (let i = 0; i < entities.length; i++) rowsOf.set(entities[i]!, (rowsOf.get(entities[i]!) ?? 0) + 1);
  assert(Number.isInteger(foldCount) && foldCount >= 2 && foldCount <= rowsOf.size, `expected 2 to ${rowsOf.size} folds, one entity each at least, found ${foldCount}`);
  const order = random.shuffle([...rowsOf]).sort(([, a], [, b]) => b - a);
  const filled = new Float64Array(foldCount);
  const foldOf = new Map<string | number, number>();
  for (const [entity, rows] of order) {
    const fold = filled.indexOf(filled.reduce((least, count) => Math.min(least, count)));
    foldOf.set(entity, fold);
    filled[fold]! += rows;
  }
  const folds = Int32Array.from({ length: entities.length }, (_, i) => foldOf.get(entities[i]!)!);
  return Array.from({ length: foldCount }, (_, fold) => splitByFold(folds, fold));
}
