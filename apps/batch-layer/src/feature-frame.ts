import { FeatureFormulas, PartialReader, type Column, type ColumnBatch, type Source } from '#tideline/retention';

/** Turns partials that SQL computed into feature columns, by the closure that the stream uses too. */
export class FeatureFrame {
  readonly #source: Source;
  readonly #formulas: FeatureFormulas;

  constructor(source: Source) {
    this.#source = source;
    this.#formulas = new FeatureFormulas(source);
  }

  /** A double column for each feature, in the order of the source; `batch` are rows of `partialsSql` or `recordFeaturesSql`. */
  finish(batch: ColumnBatch, asOfMs: number): Column[] {
    const formulas = this.#formulas;
    const reader = new PartialReader(this.#source, batch, formulas);
    const partials = new Float64Array(formulas.aggregates.length);
    const texts = new Array<string | null>(formulas.aggregates.length).fill(null);
    const record = new Float64Array(formulas.record.length);
    const out = new Float64Array(formulas.names.length);
    const values = formulas.names.map(() => new Float64Array(batch.rowCount));
    const nulls = formulas.names.map(() => new Uint8Array(batch.rowCount));
    for (let row = 0; row < batch.rowCount; row++) {
      reader.read(row, partials, texts, record);
      formulas.finish(partials, texts, asOfMs, out, record);
      for (let k = 0; k < out.length; k++) {
        const value = out[k]!;
        // Formulas have neither infinity nor another null than NaN; tables have no NaN.
        if (Number.isFinite(value)) values[k]![row] = value;
        else nulls[k]![row] = 1;
      }
    }
    return values.map((column, k) => ({ type: { name: 'double' }, values: column, nulls: nulls[k]! }));
  }
}
