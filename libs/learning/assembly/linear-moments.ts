// Twin of `src/linear/column-moments.ts`.
import { cancelled } from './threads';

const shardCount: i32 = 16;
const blockRows: i32 = 256;

export function linearColumnMoments(thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, weights: usize, weighted: i32, shift: usize, sums: usize): void {
  const perShard = 4 * ((rowCount + 4 * shardCount - 1) / (4 * shardCount));
  const width = <usize>(4 * columnCount + 1) << 3;
  const columnsBytes = <usize>columnCount << 3;
  const rowBytes = <usize>columnCount << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = min((shard + 1) * perShard, rowCount);
    const own = sums + <usize>shard * width;
    memory.fill(own, 0, width);
    for (let j = 0; j < columnCount; j++) {
      store<f64>(own + 2 * columnsBytes + (<usize>j << 3), Infinity);
      store<f64>(own + 3 * columnsBytes + (<usize>j << 3), -Infinity);
    }
    const total = own + 4 * columnsBytes;
    let row = shard * perShard;
    if (!weighted) {
      for (; row + 4 <= end; row += 4) {
        if ((row & (blockRows - 1)) == 0 && cancelled()) return;
        addFourRows(X + <usize>row * rowBytes, columnCount, shift, own);
        store<f64>(total, load<f64>(total) + 4);
      }
    }
    for (; row < end; row++) {
      if ((row & (blockRows - 1)) == 0 && cancelled()) return;
      const weight = weighted ? load<f64>(weights + (<usize>row << 3)) : 1;
      if (weight == 0) continue;
      addRow(X + <usize>row * rowBytes, columnCount, weight, shift, own);
      store<f64>(total, load<f64>(total) + weight);
    }
  }
}

function addRow(x: usize, columnCount: i32, weight: f64, shift: usize, own: usize): void {
  const columnsBytes = <usize>columnCount << 3;
  for (let j = 0; j < columnCount; j++) {
    const value = <f64>load<f32>(x + (<usize>j << 2));
    const distance = value - load<f64>(shift + (<usize>j << 3));
    const part = weight * distance;
    const at = own + (<usize>j << 3);
    store<f64>(at, load<f64>(at) + part);
    store<f64>(at + columnsBytes, load<f64>(at + columnsBytes) + part * distance);
    if (value < load<f64>(at + 2 * columnsBytes)) store<f64>(at + 2 * columnsBytes, value);
    if (value > load<f64>(at + 3 * columnsBytes)) store<f64>(at + 3 * columnsBytes, value);
  }
}

// @ts-ignore: decorator
@inline
function pairAt(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** Two columns of four rows at a time. */
function addFourRows(x: usize, columnCount: i32, shift: usize, own: usize): void {
  const columnsBytes = <usize>columnCount << 3;
  const rowBytes = <usize>columnCount << 2;
  let j = 0;
  for (; j + 2 <= columnCount; j += 2) {
    const from = x + (<usize>j << 2);
    const at = own + (<usize>j << 3);
    const a = pairAt(from), b = pairAt(from + rowBytes), c = pairAt(from + 2 * rowBytes), d = pairAt(from + 3 * rowBytes);
    const around = v128.load(shift + (<usize>j << 3));
    const da = f64x2.sub(a, around), db = f64x2.sub(b, around), dc = f64x2.sub(c, around), dd = f64x2.sub(d, around);
    v128.store(at, f64x2.add(v128.load(at), f64x2.add(f64x2.add(da, db), f64x2.add(dc, dd))));
    const squares = f64x2.add(f64x2.add(f64x2.mul(da, da), f64x2.mul(db, db)), f64x2.add(f64x2.mul(dc, dc), f64x2.mul(dd, dd)));
    v128.store(at + columnsBytes, f64x2.add(v128.load(at + columnsBytes), squares));
    v128.store(at + 2 * columnsBytes, f64x2.pmin(f64x2.pmin(f64x2.pmin(f64x2.pmin(v128.load(at + 2 * columnsBytes), a), b), c), d));
    v128.store(at + 3 * columnsBytes, f64x2.pmax(f64x2.pmax(f64x2.pmax(f64x2.pmax(v128.load(at + 3 * columnsBytes), a), b), c), d));
  }
  if (j < columnCount) {
    const from = x + (<usize>j << 2);
    const at = own + (<usize>j << 3);
    const a = <f64>load<f32>(from), b = <f64>load<f32>(from + rowBytes), c = <f64>load<f32>(from + 2 * rowBytes), d = <f64>load<f32>(from + 3 * rowBytes);
    const around = load<f64>(shift + (<usize>j << 3));
    const da = a - around, db = b - around, dc = c - around, dd = d - around;
    store<f64>(at, load<f64>(at) + (da + db + (dc + dd)));
    store<f64>(at + columnsBytes, load<f64>(at + columnsBytes) + (da * da + db * db + (dc * dc + dd * dd)));
    let low = load<f64>(at + 2 * columnsBytes), high = load<f64>(at + 3 * columnsBytes);
    if (a < low) low = a;
    if (b < low) low = b;
    if (c < low) low = c;
    if (d < low) low = d;
    if (a > high) high = a;
    if (b > high) high = b;
    if (c > high) high = c;
    if (d > high) high = d;
    store<f64>(at + 2 * columnsBytes, low);
    store<f64>(at + 3 * columnsBytes, high);
  }
}
