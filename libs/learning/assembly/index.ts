// The module of kernels: every export that is not from `threads.ts` is the twin of the operation of the same name in `src/`, and takes
// (thread, threads, ...its arguments), arrays as byte addresses. See docs/kernels.md.
export { heapBase, interrupt, startCall } from './threads';
export { idle, addScaled } from './element-wise';
export { boosting_grow_tree } from './boosting-tree';
export { boosting_bin_rows, boosting_follow_tree, boosting_update_records } from './boosting-records';
