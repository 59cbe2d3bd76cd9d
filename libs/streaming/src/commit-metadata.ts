import type { CommitFacts } from './processor.ts';

/** Metadata of an offset commit, taken apart. */
export interface CommitMetadata {
  readonly lineage: string;
  readonly facts: CommitFacts;
}

/** Kafka's own limit on the metadata of an offset. */
const MAX_CHARACTERS = 4096;

/** JSON for the metadata of a commit: the lineage first, then the facts. */
export function writeCommitMetadata({ lineage, facts }: CommitMetadata): string {
  const text = JSON.stringify({ lineage, ...facts });
  if (text.length > MAX_CHARACTERS) {
    throw new Error(`expected at most ${MAX_CHARACTERS} characters of commit metadata, found ${text.length}: ${text.slice(0, 200)}…`);
  }
  return text;
}

/** Reads `writeCommitMetadata`'s text; undefined for metadata that this engine did not write. */
export function readCommitMetadata(text: string): CommitMetadata | undefined {
  try {
    const { lineage, ...facts } = JSON.parse(text) as Record<string, unknown>;
    return typeof lineage === 'string' ? { lineage, facts } : undefined;
  } catch {
    return undefined;
  }
}
