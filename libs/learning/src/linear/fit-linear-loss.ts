import type { FitContext } from '../family.ts';
import type { CholeskyFactor } from './cholesky.ts';
import type { LinearObjective } from './linear-objective.ts';
import { minimizeByLbfgs, minimizeByNewton, type Minimum, type MinimizeOptions } from './minimize.ts';

/** The mean gradient, in the objective's coordinates, at which a fit has converged. */
const tolerance = 1e-10;

/** A Hessian of a sample is renewed this often: later ones hardly differ, and the pairs of L-BFGS see to the rest. */
const renewals = 3;

/** More columns than this and a Hessian, even of a sample, costs more than it saves. */
const hessianColumnsMost = 1000;

/**
 * Newton's method where the exact Hessian is cheap; else L-BFGS, started from the inverse Hessian of a sample of rows, which needs a
 * fifth of the passes over the data that it needs from the identity.
 */
export function minimizeLinearLoss(objective: LinearObjective, start: Float64Array, maxIterations: number, context: FitContext): Promise<Minimum> {
  const onIteration = (_iteration: number, value: number, gradientMax: number): void => {
    // Convergence is roughly geometric, so the share done is read off the gradient's logarithm.
    context.progress(Math.min(0.99, Math.log(Math.max(gradientMax, 1e-300)) / Math.log(tolerance)), value);
  };
  const options: MinimizeOptions = { start, tolerance, maxIterations, onIteration };
  if (objective.hessianIsExact) return minimizeByNewton(objective, options, () => objective.hessianFactor());
  if (start.length > hessianColumnsMost + 1) return minimizeByLbfgs(objective, options);
  let factor: CholeskyFactor | undefined;
  return minimizeByLbfgs(objective, options, async (iteration) => {
    if (factor === undefined || iteration <= renewals) factor = await objective.hessianFactor();
    return factor;
  });
}
