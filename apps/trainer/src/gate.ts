import type { Deployment } from '#tideline/retention';

/** A score with its confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface GateInput {
  readonly gate: Deployment['gate'];
  readonly candidate: Readonly<Record<string, Interval>>;
  /** The champion's value of the gate's metric on the same test rows; undefined when there is none to compare with. */
  readonly champion: number | undefined;
  /** Paired difference in ROC AUC, candidate minus one-feature baseline; undefined when there is none (no baseline, or a regression). */
  readonly overBaseline: Interval | undefined;
}

/** Every reason why the candidate may not become champion; empty when it may. */
export function gateReasons({ gate, candidate, champion, overBaseline }: GateInput): string[] {
  const reasons: string[] = [];
  const score = candidate[gate.metric];
  if (score === undefined || !Number.isFinite(score.value)) {
    return [`expected metric ${gate.metric} to be measured, found ${score?.value ?? 'none'} (one class in the test part?)`];
  }
  if (score.value < gate.atLeast) {
    reasons.push(`expected ${gate.metric} of at least ${gate.atLeast}, found ${score.value.toFixed(4)}`);
  }
  if (gate.beatsBaseline && overBaseline !== undefined && overBaseline.low <= 0) {
    reasons.push(
      `expected ROC AUC above the one-feature baseline with 95 % confidence, found a difference of ` +
        `${overBaseline.value.toFixed(4)} (${overBaseline.low.toFixed(4)} to ${overBaseline.high.toFixed(4)})`,
    );
  }
  if (champion !== undefined && Number.isFinite(champion) && score.value < champion - Math.abs(champion) * gate.maxDrop) {
    reasons.push(
      `expected at most ${(gate.maxDrop * 100).toFixed(0)} % below the champion's ${champion.toFixed(4)} on the same rows, found ${score.value.toFixed(4)}`,
    );
  }
  return reasons;
}
