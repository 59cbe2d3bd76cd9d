const CANDIDATE_LIMIT = 20_000;

/** The known name that takes the fewest single-character edits (Levenshtein 1966), or undefined when there is none; looks at the first 20,000. */
export function nearestName(wanted: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  let looked = 0;
  for (const name of known) {
    if (++looked > CANDIDATE_LIMIT) break;
    const distance = editDistance(wanted, name, bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Edits from a to b; any number at or above `limit` once it is known not to be below it. */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      const cell = Math.min(substituted, row[j]! + 1, next[j - 1]! + 1);
      next.push(cell);
      if (cell < least) least = cell;
    }
    if (least >= limit) return limit;
    row = next;
  }
  return row[b.length]!;
}
