// The module of kernels: every export that is not from `threads.ts` is the twin of the operation of the same name in `src/`, and takes
// (thread, threads, ...its arguments), arrays as byte addresses. See docs/kernels.md.
export { heapBase, interrupt, startCall } from './threads';
export { assignRows, nearestCentroids } from './assign-rows';
export { clusterMoments } from './cluster-moments';
export { fourierDecision, fourierHinge } from './fourier-hinge';
export { rbfDecision } from './rbf-decision';
export { seedingPotentials, seedingUpdate } from './seeding';
export { smoSteps } from './smo-steps';
export { wardChain } from './nearest-neighbor-chain';
export { squaredDistances, rbfKernelRows } from './distances';
export { idle, addScaled, exponentials, exponentials64, logarithms64, scale, sigmoids, sigmoids64, softpluses64 } from './element-wise';
export { gramInShards } from './gram';
export { histogramInShards } from './histogram';
export { matrixProduct, matrixVector, transposedProduct } from './matrix-product';
export { columnMoments, dotInShards, sumInShards } from './sums';
export { linearEvaluateRows, linearMargins } from './linear-rows';
export { linearGramBlock } from './linear-gram';
export { linearColumnMoments } from './linear-moments';
export { linearHingeDescent, linearPerceptronEpoch } from './linear-steps';
export { walkTrees } from './walk-trees';
export { binRows, sortColumns } from './bin-rows';
export { growCart } from './grow-cart';
export { addOutOfBag } from './out-of-bag';
export { classMoments } from './class-moments';
export { networkMargins } from './network-margins';
export { trainBatches } from './train-batches';
export { columnSummaries } from './column-summaries';
