// The module of kernels: every export that is not from `threads.ts` is the twin of the operation of the same name in `src/`, and takes
// (thread, threads, ...its arguments), arrays as byte addresses. See docs/kernels.md.
export { heapBase, interrupt, startCall } from './threads';
export { idle, addScaled } from './element-wise';
export { walkTrees } from './walk-trees';
export { binRows, sortColumns } from './bin-rows';
export { growCart } from './grow-cart';
export { addOutOfBag } from './out-of-bag';
