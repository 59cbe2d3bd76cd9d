/** Where a reader of the score topic stands: the next offset to read of each partition. Its text is the id of an event. */
export type StreamPosition = ReadonlyMap<number, number>;

/** `0:124,1:88`, partitions ascending. */
export function formatPosition(position: StreamPosition): string {
  return [...position].sort(([a], [b]) => a - b).map(([partition, offset]) => `${partition}:${offset}`).join(',');
}

/** The position that an event id names, or undefined when the text is none. */
export function parsePosition(text: string): StreamPosition | undefined {
  const position = new Map<number, number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,6}):(\d{1,15})$/.exec(part.trim());
    if (match === null) return undefined;
    position.set(Number(match[1]), Number(match[2]));
  }
  return position;
}
