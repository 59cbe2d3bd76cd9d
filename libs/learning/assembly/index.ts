// The module of kernels: every export that is not from `threads.ts` is the twin of the operation of the same name in `src/`, and takes
// (thread, threads, ...its arguments), arrays as byte addresses. See docs/kernels.md.
export { heapBase, interrupt, startCall } from './threads';
export { squaredDistances, rbfKernelRows } from './distances';
export { idle, addScaled, exponentials, exponentials64, logarithms64, scale, sigmoids, sigmoids64, softpluses64 } from './element-wise';
export { gramInShards } from './gram';
export { histogramInShards } from './histogram';
export { matrixProduct, matrixVector, transposedProduct } from './matrix-product';
export { columnMoments, dotInShards, sumInShards } from './sums';
export { linearEvaluateRows, linearMargins } from './linear-rows';
export { linearGramBlock } from './linear-gram';
export { linearColumnMoments } from './linear-moments';
export { walkTrees } from './walk-trees';
export { classMoments } from './class-moments';
export { networkMargins } from './network-margins';
export { trainBatches } from './train-batches';
export { columnSummaries } from './column-summaries';
