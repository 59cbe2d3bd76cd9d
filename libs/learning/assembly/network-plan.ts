// Places in the plan that `src/neural/network-plan.ts` lays out; read there what they mean.
export const layerCountField: i32 = 0;
export const activationField: i32 = 1;
export const regressionField: i32 = 2;
export const weightedField: i32 = 3;
export const columnCountField: i32 = 4;
export const batchRowsField: i32 = 5;
export const shardRowsField: i32 = 6;
export const rowCountField: i32 = 8;
export const batchStartField: i32 = 9;
export const batchEndField: i32 = 10;
export const weightLengthField: i32 = 11;
export const scratchLengthField: i32 = 12;

export const inputs: i32 = 0;
export const outputs: i32 = 1;
export const paddedInputs: i32 = 2;
export const paddedOutputs: i32 = 3;
export const weightsAt: i32 = 4;
export const inputAt: i32 = 5;
export const outputAt: i32 = 6;

// @ts-ignore: decorator
@inline
export function field(plan: usize, place: i32): i32 {
  return load<i32>(plan + (<usize>place << 2));
}

// @ts-ignore: decorator
@inline
export function ofLayer(plan: usize, layer: i32, place: i32): i32 {
  return load<i32>(plan + (<usize>(16 + 8 * layer + place) << 2));
}

/** Address of element `index` of 4-byte numbers. */
// @ts-ignore: decorator
@inline
export function at(base: usize, index: i32): usize {
  return base + (<usize>index << 2);
}
