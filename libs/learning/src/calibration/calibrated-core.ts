import type { Core, MarginScale } from '../family.ts';
import type { Compute } from '../kernels/compute.ts';
import { float64Section, ModelFileError, type ModelFile, type Section } from '../model-file.ts';
import { fitIsotonic, isotonicAt, type IsotonicLine } from './isotonic.ts';
import { fitPlatt, type PlattScaling } from './platt.ts';

export type CalibrationMethod = 'platt' | 'isotonic';
export const calibrationMethods: readonly CalibrationMethod[] = ['platt', 'isotonic'];

/** How decision values become probabilities. */
export type Calibration = { readonly method: 'platt'; readonly platt: PlattScaling } | { readonly method: 'isotonic'; readonly line: IsotonicLine };

export function fitCalibration(method: CalibrationMethod, values: Float64Array, y: Float64Array, weights: Float64Array | undefined): Calibration {
  return method === 'platt' ? { method, platt: fitPlatt(values, y, weights) } : { method, line: fitIsotonic(values, y, weights) };
}

/**
 * A classifier behind a calibration. Platt's margins are log-odds, linear in those of the model within, so its contributions carry over;
 * isotonic margins are probabilities, which no sum of contributions gives.
 */
export class CalibratedCore implements Core {
  readonly base: Core;
  readonly calibration: Calibration;
  readonly margins?: (X: Float32Array, rowCount: number, compute: Compute, out: Float64Array) => Promise<void>;
  readonly coefficients?: Float64Array;
  readonly explain?: (x: Float32Array, contributions: Float64Array) => number;

  constructor(base: Core, calibration: Calibration) {
    this.base = base;
    this.calibration = calibration;
    if (base.margins !== undefined) {
      this.margins = async (X, rowCount, compute, out) => {
        await base.margins!(X, rowCount, compute, out);
        for (let row = 0; row < rowCount; row++) out[row] = this.#calibrated(out[row]!);
      };
    }
    if (calibration.method !== 'platt') return;
    const { slope, intercept } = calibration.platt;
    if (base.coefficients !== undefined) this.coefficients = base.coefficients.map((coefficient) => slope * coefficient);
    if (base.explain !== undefined) {
      this.explain = (x, contributions) => {
        const level = base.explain!(x, contributions);
        for (let j = 0; j < contributions.length; j++) contributions[j]! *= slope;
        return slope * level + intercept;
      };
    }
  }

  /** `core` within the calibration that the file holds; undefined where it holds none. */
  static load(core: Core, file: ModelFile): CalibratedCore | undefined {
    if (Object.hasOwn(file.sections, 'calibration.platt')) {
      const [slope, intercept] = float64Section(file, 'calibration.platt', 2) as unknown as [number, number];
      return new CalibratedCore(core, { method: 'platt', platt: { slope, intercept } });
    }
    if (!Object.hasOwn(file.sections, 'calibration.values')) return undefined;
    const values = float64Section(file, 'calibration.values');
    if (values.length === 0 || values.some((value, i) => i > 0 && !(value > values[i - 1]!))) throw new ModelFileError('corrupt', 'expected rising values in calibration.values');
    return new CalibratedCore(core, { method: 'isotonic', line: { values, probabilities: float64Section(file, 'calibration.probabilities', values.length) } });
  }

  get scale(): MarginScale { return this.calibration.method === 'platt' ? 'log-odds' : 'probability'; }

  margin(X: Float32Array, offset: number): number {
    return this.#calibrated(this.base.margin(X, offset));
  }

  sections(): Record<string, Section> {
    const { calibration } = this;
    const own: Record<string, Section> = calibration.method === 'platt'
      ? { 'calibration.platt': Float64Array.of(calibration.platt.slope, calibration.platt.intercept) }
      : { 'calibration.values': calibration.line.values, 'calibration.probabilities': calibration.line.probabilities };
    return { ...this.base.sections(), ...own };
  }

  #calibrated(margin: number): number {
    const { calibration } = this;
    return calibration.method === 'platt' ? calibration.platt.slope * margin + calibration.platt.intercept : isotonicAt(calibration.line, margin);
  }
}
