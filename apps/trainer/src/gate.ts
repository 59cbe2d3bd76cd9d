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
  /** The champion's metrics on the same test rows; undefined when there is none. */
  readonly champion: Readonly<Record<string, Interval>> | undefined;
  /** Paired difference, candidate minus one-feature baseline, of the gate's metric; undefined when no baseline was trained. */
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
      `expected ${gate.metric} above the one-feature baseline with 95 % confidence, found a difference of ` +
        `${overBaseline.value.toFixed(4)} (${overBaseline.low.toFixed(4)} to ${overBaseline.high.toFixed(4)})`,
    );
  }
  const old = champion?.[gate.metric];
  if (old !== undefined && Number.isFinite(old.value) && score.value < old.value * (1 - gate.maxDrop)) {
    reasons.push(
      `expected at most ${(gate.maxDrop * 100).toFixed(0)} % below the champion's ${old.value.toFixed(4)} on the same rows, found ${score.value.toFixed(4)}`,
    );
  }
  return reasons;
}
