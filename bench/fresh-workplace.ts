import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, scratch } from './inputs.ts';

/** A folder with one source under a name that no other run has, so that its topics are new. */
export function freshWorkplace(source: string): { folder: string; name: string } {
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, 'kafka-'));
  const name = `${source}-${Date.now().toString(36)}`;
  cpSync(join(root, 'sources', source), join(folder, 'sources', name), { recursive: true });
  // Its suites name the tables of the source that it was copied from.
  rmSync(join(folder, 'sources', name, 'checks.yaml'), { force: true });
  const schema = join(folder, 'sources', name, 'schema.yaml');
  writeFileSync(schema, readFileSync(schema, 'utf8').replace(`source: ${source}`, `source: ${name}`));
  return { folder, name };
}
