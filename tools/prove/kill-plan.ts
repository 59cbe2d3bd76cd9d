import { Random } from '#tideline/learning';

/** One kill that is to come: once its target's own work has come so far, and a little later. */
export interface PlannedKill {
  readonly target: string;
  /** Share of the target's own work, 0 to 1. */
  readonly share: number;
  readonly delayMs: number;
  /** How long the target stays dead. */
  readonly downMs: number;
}

/** How a kind of target is killed: longest wait after its moment has come, longest time that it stays dead. */
export interface KillManner {
  readonly delayMs: number;
  readonly downMs: number;
}

/** `kills` kills over the targets, each of them about as often, at random shares of their work; ascending. The seed decides everything. */
export function planKills(seed: number, kills: number, targets: Readonly<Record<string, KillManner>>): readonly PlannedKill[] {
  const random = new Random(seed);
  const names = Object.keys(targets);
  const plan: PlannedKill[] = [];
  for (let kill = 0; kill < kills; kill++) {
    // Everyone once in each round, so that a few kills reach all of them.
    const target = names[kill < Math.floor(kills / names.length) * names.length ? kill % names.length : random.int(names.length)]!;
    const manner = targets[target]!;
    plan.push({ target, share: random.uniform() * 0.95, delayMs: random.uniform() * manner.delayMs, downMs: random.uniform() * manner.downMs });
  }
  return plan.sort((a, b) => a.share - b.share);
}
