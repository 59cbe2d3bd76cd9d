/** What one fit and one prediction took, ours or a peer's; the same shape from both programs. */
export interface LearningTimes {
  readonly fitSeconds: number;
  /** Processor time over all threads. */
  readonly fitCpuSeconds: number;
  /** For 200,000 rows; not measured on typed arrays. */
  readonly predictSeconds?: number;
  /** Microseconds that the score of one row takes, and the score with all reasons; only where a model is asked for them. */
  readonly rowMicroseconds?: number;
  readonly reasonsMicroseconds?: number;
  /** Highest resident memory up to the end of the fit, above that of the bare runtime with its libraries; the input is in it. */
  readonly memoryMb: number;
  readonly bareMb: number;
  readonly score?: number | undefined;
  /** Ours only. */
  readonly backend?: string;
  readonly bytes?: number;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
