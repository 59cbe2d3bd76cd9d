import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidSourcesError, SOURCE_FILE_NAMES, sourcesOrThrow, type SourceFolder } from './parse-sources.ts';
import { tableNames } from './table-names.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');

function folderOf(name: string, edit: (text: string) => string = (text) => text): SourceFolder {
  const files = SOURCE_FILE_NAMES.filter((file) => existsSync(resolve(ROOT, 'sources', name, file))).map((file) => [file, { path: `sources/${name}/${file}`, text: edit(readFileSync(resolve(ROOT, 'sources', name, file), 'utf8')) }]);
  return { name, files: Object.fromEntries(files) };
}

describe('sourcesOrThrow', () => {
  it('gives the sources by name', () => {
    expect(sourcesOrThrow([folderOf('user-behavior'), folderOf('alibaba')]).map(({ name }) => name)).toEqual(['alibaba', 'user-behavior']);
  });

  it('lists every mistake of every folder with its place', () => {
    const wrongName = { ...folderOf('user-behavior'), name: 'clicks' };
    const wrongEntity = folderOf('alibaba', (text) => text.replace('entity: segment', 'entity: segmnt'));
    const { 'models.yaml': _models, ...incomplete } = folderOf('online-retail').files;
    const folders = [wrongName, wrongEntity, { name: 'online-retail', path: 'sources/online-retail', files: incomplete }, { name: 'empty', path: 'sources/empty', files: {} }];
    expect(() => sourcesOrThrow(folders)).toThrow(InvalidSourcesError);
    const lines = (() => { try { return sourcesOrThrow(folders).map(String); } catch (error) { return (error as Error).message.split('\n'); } })();
    expect(lines[0]).toMatch(/^sources\/alibaba\/schema\.yaml:\d+:\d+: entity: expected .*segmnt/);
    expect(lines).toContain('sources/user-behavior/schema.yaml:1:1: expected source: clicks (the folder\'s name), found user-behavior');
    expect(lines).toContain('sources/online-retail/models.yaml:1:1: expected this file, found none');
    expect(lines).toContain('sources/empty/schema.yaml:1:1: expected this file, found none');
  });
});

it('names tables by bucket and source, without hyphens', () => {
  expect(tableNames({ name: 'online-retail' })).toMatchObject({ bronze: 'bronze.online_retail', rejects: 'silver.online_retail_rejects', training: 'gold.online_retail_training' });
});
