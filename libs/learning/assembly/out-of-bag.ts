import { cancelled, shareStart } from './threads';

const nodeBytes: usize = 40;
const sumBytes: usize = 48;
const blockRows: i32 = 4096;

export function addOutOfBag(
  thread: i32, threads: i32, treeCount: i32, bins: usize, binCounts: usize, rowCount: i32, counts: usize, capacity: i32, nodes: usize, sums: usize, predicted: usize, times: usize,
): void {
  const last = shareStart(thread + 1, threads, rowCount, 16);
  for (let start = shareStart(thread, threads, rowCount, 16); start < last; start += blockRows) {
    const end = min(start + blockRows, last);
    for (let slot = 0; slot < treeCount; slot++) {
      if (cancelled()) return;
      const root = nodes + <usize>slot * capacity * nodeBytes;
      const values = sums + <usize>slot * capacity * sumBytes;
      const drawn = counts + <usize>slot * rowCount;
      for (let row = start; row < end; row++) {
        if (load<u8>(drawn + row) != 0) continue;
        const leaf = leafOf(row, bins, binCounts, rowCount, root);
        const to = predicted + (<usize>row << 3);
        store<f64>(to, load<f64>(to) + load<f64>(values + <usize>leaf * sumBytes, 16));
        const time = times + (<usize>row << 2);
        store<i32>(time, load<i32>(time) + 1);
      }
    }
  }
}

function leafOf(row: i32, bins: usize, binCounts: usize, rowCount: i32, root: usize): i32 {
  let node = 0;
  while (true) {
    const at = root + <usize>node * nodeBytes;
    const left = load<i32>(at, 16);
    if (left == 0) return node;
    const place = load<i32>(at);
    const bin = <i32>load<u8>(bins + <usize>place * rowCount + row);
    const goesLeft = <i32>(bin <= load<i32>(at, 4)) | (<i32>(bin == load<i32>(binCounts + (<usize>place << 2))) & load<i32>(at, 12));
    node = left + 1 - goesLeft;
  }
}
