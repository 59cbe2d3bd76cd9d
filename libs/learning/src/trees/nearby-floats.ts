const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** The largest float32 that is not above `value`: a float32 number is at most the one exactly when it is at most the other. */
export function floatAtMost(value: number): number {
  const near = Math.fround(value);
  return near > value ? -floatAbove(-near) : near;
}

/** The next float32 above a float32; infinity stays. */
function floatAbove(value: number): number {
  if (value === Infinity) return value;
  scratch[0] = value;
  if (value === 0) scratchBits[0] = 1;
  else scratchBits[0]! += value > 0 ? 1 : -1;
  return scratch[0];
}
