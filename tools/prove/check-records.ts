import type { RecordBatch } from '#tideline/platform';
import type { RecordCodec, Source } from '#tideline/retention';
import { plainColumns, shown, type LogLines } from './log-lines.ts';
import { Tally, type Check } from './proof.ts';
import { recordOf, recordsOf } from './read-topic.ts';

type Batches = ReadonlyMap<number, readonly RecordBatch[]>;

/** Identity of a line: the file, the pass over it and the byte where it starts. */
export const identityOf = (file: string, loop: string | number, byteOffset: string | number): string => `${file} loop ${loop} byte ${byteOffset}`;

/**
 * Holds the topic and the dead letters against the lines of the file: every line is exactly one of them, a record's columns are its line's
 * fields and a dead letter has its line's bytes. `broken`, where it is known, is how many lines are no records.
 */
export function checkLines(source: Source, codec: RecordCodec, file: { readonly id: string; readonly lines: LogLines; readonly broken: number | undefined }, raw: Batches, deadLetters: Batches): readonly Check[] {
  const { id, lines, broken } = file;
  const columns = plainColumns(source);
  const letters = lettersIn(deadLetters, source.name);
  const isLetter = new Set(letters.map(({ byteOffset }) => byteOffset));
  const records = new Tally(`lines of the file = records in raw.${source.name}`);
  const rejected = new Tally('lines of the file = dead letters');
  for (const [line, start] of lines.starts.entries()) {
    if (isLetter.has(start)) rejected.expect(identityOf(id, 0, start), lines.text(line));
    else records.expect(identityOf(id, 0, start), lines.fieldsOf(line, columns));
  }
  for (const [partition, batches] of raw) {
    for (const batch of batches) {
      const decoded = codec.decode(batch);
      for (let row = 0; row < batch.count; row++) {
        const { file: from, loop, offset } = recordOf(batch, row).headers;
        records.find(identityOf(from ?? '', loop ?? '', offset ?? ''), shown(decoded, row, columns), ` (partition ${partition} offset ${batch.baseOffset + row})`);
      }
    }
  }
  for (const { file: from, loop, byteOffset, original } of letters) rejected.find(identityOf(from, loop, byteOffset), original);
  const known = new Tally('lines made to be no records = dead letters');
  if (broken === undefined) return [records.check(), rejected.check()];
  for (const [line, start] of lines.starts.entries()) if (lines.text(line).startsWith('no record ')) known.expect(identityOf(id, 0, start));
  for (const { file: from, loop, byteOffset } of letters) known.find(identityOf(from, loop, byteOffset));
  return [records.check(), rejected.check(), known.check()];
}

interface Letter {
  readonly file: string;
  readonly loop: string;
  readonly byteOffset: number;
  readonly original: string;
}

function lettersIn(batches: Batches, source: string): Letter[] {
  return [...batches.values()].flat().flatMap((batch) => recordsOf(batch)).flatMap(({ value, headers }) => {
    const letter = JSON.parse(Buffer.from(value, 'latin1').toString('utf8')) as { source: string; original: string; encoding: BufferEncoding };
    if (letter.source !== source) return [];
    const original = Buffer.from(letter.original, letter.encoding).toString('utf8');
    return [{ file: headers['file'] ?? '', loop: headers['loop'] ?? '', byteOffset: Number(headers['offset']), original }];
  });
}
