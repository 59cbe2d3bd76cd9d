/**
 * What the last record of a record batch says in a header of its own about the append that the batch belongs to. Readers rebuild the
 * append from it and do not show it; batches of other producers have none.
 */
export interface AppendMark {
  /** When the writer sent the append, ms since the epoch. */
  readonly at: number;
  /** Header columns whose texts are numbers. */
  readonly numbers?: readonly string[];
  /** Records of the same append that lie in record batches before this one. */
  readonly before?: number;
  /** The append goes on in the next record batch. */
  readonly more?: boolean;
}

export const appendMarkName = 'tideline-append';

export function writeAppendMark(mark: AppendMark): Buffer {
  return Buffer.from(JSON.stringify(mark));
}

/** Undefined for a header of that name that is not ours after all. */
export function readAppendMark(bytes: Buffer): AppendMark | undefined {
  try {
    const mark = JSON.parse(bytes.toString()) as AppendMark;
    return typeof mark === 'object' && Number.isFinite(mark.at) ? mark : undefined;
  } catch {
    return undefined;
  }
}
