import { InvalidDatasetError } from '../dataset.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { int32Section, ModelFileError } from '../model-file.ts';
import type { FittedStep, StepFamily } from './step.ts';
import { checkDistinct, chosenColumns, wordOption } from './step.ts';

/**
 * A column of categories becomes one column per label, `<name>=<label>`, 1 where the row has it; a label that training did not know
 * gives zeros everywhere, so does a missing value unless it has a column of its own, `<name> missing`. Labels stand sorted by code unit,
 * or as given.
 */
export const oneHot: StepFamily = {
  kind: 'one_hot',
  options: {
    missing: { default: 'zeros', choices: ['zeros', 'own_column'], meaning: 'how a missing category shows' },
    order: { default: 'sorted', choices: ['sorted', 'given'], meaning: 'order of the columns made from one' },
  },
  takes: 'categories',
  fit(input, { applies, options }) {
    const chosen = chosenColumns(applies);
    const plain = chosen.find((j) => !Object.hasOwn(input.categories, input.names[j]));
    if (plain !== undefined) throw new InvalidDatasetError(`expected categories in ${input.names[plain]} for one_hot, found numbers`);
    const placesOf = Array.from(input.names, (name, j) => {
      if (applies[j] === 0) return undefined;
      const labels = input.categories[name];
      const places = labels.map((_, place) => place);
      return wordOption(options, 'order') === 'sorted' ? places.sort((a, b) => (labels[a] < labels[b] ? -1 : labels[a] > labels[b] ? 1 : 0)) : places;
    });
    return Promise.resolve(expanded(input.names, input.categories, placesOf, wordOption(options, 'missing') === 'own_column'));
  },
  load,
};

/** Section `places`: per input column -1 when it passes, else its number of labels and then their places in output order. */
function load(file: ModelFile): FittedStep {
  const stored = int32Section(file, 'places');
  const [ownColumn] = int32Section(file, 'missing', 1);
  let at = 0;
  const placesOf = file.featureNames.map((name) => {
    const count = stored[at++];
    if (count === -1) return undefined;
    const places = [...stored.subarray(at, at + count)];
    at += count;
    const labels = file.categories[name]?.length ?? 0;
    if (places.length !== count || labels !== count || new Set(places).size !== count || places.some((place) => place < 0 || place >= labels)) {
      throw new ModelFileError('corrupt', `expected the places of ${labels} labels of ${name}, found ${places.join(', ')}`);
    }
    return places;
  });
  if (at !== stored.length) throw new ModelFileError('corrupt', `expected ${at} places of labels, found ${stored.length}`);
  return expanded(file.featureNames, file.categories, placesOf, ownColumn === 1);
}

function expanded(inputNames: readonly string[], categories: StepLabels, placesOf: readonly (readonly number[] | undefined)[], ownColumn: boolean): FittedStep {
  const names: string[] = [];
  const source: number[] = [];
  /** First output column of each input column, and for each place of a label how far behind it its column stands, undefined for columns that pass. */
  const firstOf = new Int32Array(inputNames.length);
  const behind = placesOf.map((places) => (places === undefined ? undefined : Int32Array.from(places, (_, place) => places.indexOf(place))));
  inputNames.forEach((name, j) => {
    firstOf[j] = names.length;
    const places = placesOf[j];
    const made = places === undefined ? [name] : [...places.map((place) => `${name}=${categories[name][place]}`), ...(ownColumn ? [`${name} missing`] : [])];
    names.push(...made);
    source.push(...made.map(() => j));
  });
  checkDistinct('one_hot', names);
  const [inputCount, width] = [inputNames.length, names.length];
  return {
    kind: 'one_hot', names, inputCount, sourceOf: Int32Array.from(source),
    apply(input, rowCount, output) {
      output.fill(0, 0, rowCount * width);
      for (let row = 0; row < rowCount; row++) {
        for (let j = 0; j < inputCount; j++) {
          const x = input[row * inputCount + j];
          const to = row * width + firstOf[j];
          const places = behind[j];
          if (places === undefined) output[to] = x;
          else if (x !== x) {
            if (ownColumn) output[to + places.length] = 1;
          } else if (x >= 0 && x < places.length && Number.isInteger(x)) output[to + places[x]] = 1;
        }
      }
    },
    sections: (): Record<string, Section> => ({
      places: Int32Array.from(placesOf.flatMap((places) => (places === undefined ? [-1] : [places.length, ...places]))),
      missing: Int32Array.of(ownColumn ? 1 : 0),
    }),
  };
}

type StepLabels = Readonly<Record<string, readonly string[]>>;
