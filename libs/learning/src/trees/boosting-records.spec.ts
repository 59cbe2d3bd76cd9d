// Goal: records hold what they should, and the losses' derivatives are those of the losses. Method: naive counts, finite differences, Math.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainKernels } from '../kernels/plain-kernels.ts';
import type { Task } from '../estimator.ts';
import { cellSize, node, plan, recordLayout, recordOfRow, rule, shareStarts, viewRecords } from './boosting-layout.ts';
import { log1pOfUnit, nearest } from './logistic-link.ts';
import { binIntoRecords, cutsPerColumn } from './record-rows.ts';
import { drawOf, share, updateRecords } from './update-records.ts';

/** One record of one column, updated to a margin; what it then holds, in real units. */
async function derive(task: Task, target: number, margin: number, wide: boolean): Promise<{ gradient: number; hessian: number; loss: number; histogram: Float64Array }> {
  const layout = recordLayout(1, task, wide);
  const ints = new Int32Array(plan.length);
  for (const name of ['columnCount', 'width', 'label', 'margin', 'gradient', 'hessian', 'counted', 'weight', 'row'] as const) ints[plan[name]] = layout[name];
  ints.set([+wide, +layout.squaredError], plan.wide);
  ints[plan.cellCount] = 3;
  ints[plan.nodeCount] = 1;
  const rules = new Float64Array(rule.length).fill(1);
  rules[rule.weightRounder] = 1.5 * 2 ** 28;
  rules[rule.drawsBelow] = 2 ** 32;
  rules[rule.bias] = 0;
  const records = new Uint8Array(layout.width);
  const compute = await plainKernels.open({});
  const cellStarts = Int32Array.of(0, 3);
  await compute.run(binIntoRecords, ints, rules, cellStarts, new Float32Array(cutsPerColumn).fill(Infinity).fill(5, 0, 1), Int32Array.of(0, 1), 0, 1, Float32Array.of(7), Float64Array.of(target), Float64Array.of(1), 1, records);
  const nodes = new Float64Array(node.size);
  nodes[node.left] = -1;
  nodes[node.value] = margin;
  const sums = new Float64Array(share.size);
  const histogram = new Float64Array(3 * cellSize);
  await compute.run(updateRecords, ints, rules, cellStarts, nodes, Int32Array.of(0, 1), histogram, new Float64Array(0), sums, records, new Uint8Array(layout.width));
  return { gradient: histogram[cellSize]!, hessian: histogram[cellSize + 1]!, loss: sums[share.loss]! * (wide ? 1 : 2 ** -24), histogram };
}

describe('losses of records', () => {
  for (const wide of [false, true]) {
    it(`oracle: gradient and hessian of log loss are its differences (${wide ? 'wide' : 'narrow'})`, async () => {
      for (const label of [0, 1]) {
        for (const margin of [-30, -3, -0.4, 0, 0.7, 2.5, 40]) {
          const { gradient, hessian, loss, histogram } = await derive('classification', label, margin, wide);
          const exact = (m: number): number => Math.max(m, 0) - label * m + Math.log1p(Math.exp(-Math.abs(m)));
          const h = 1e-4;
          expect(Math.abs(loss - exact(margin))).toBeLessThan(3e-7 * Math.max(1, loss));
          expect(Math.abs(gradient - (exact(margin + h) - exact(margin - h)) / (2 * h))).toBeLessThan(2e-7);
          expect(Math.abs(hessian - (exact(margin + h) - 2 * exact(margin) + exact(margin - h)) / h ** 2)).toBeLessThan(1e-6);
          expect([histogram[cellSize + 2], histogram[2], histogram[8]]).toEqual([1, 0, 0]);
        }
      }
    });

    it(`oracle: gradient and hessian of half the squared error are its differences (${wide ? 'wide' : 'narrow'})`, async () => {
      for (const value of [-0.8, 0, 0.31, 1.4]) {
        const { gradient, hessian, loss } = await derive('regression', 0.5, value, wide);
        const exact = (m: number): number => (m - 0.5) ** 2 / 2;
        expect(loss / 2).toBeCloseTo(exact(value), 7);
        expect(Math.abs(gradient - (exact(value + 0.5) - exact(value - 0.5)))).toBeLessThan(1e-7);
        expect(hessian).toBeCloseTo(exact(value + 1) - 2 * exact(value) + exact(value - 1), 12);
      }
    });
  }

  it('oracle: ln(1 + e) and the nearest integer', () => {
    for (let k = 0; k <= 2000; k++) {
      const e = Math.fround(k / 2000);
      expect(Math.abs(log1pOfUnit(e) - Math.log1p(e))).toBeLessThanOrEqual(2e-7 * Math.log1p(e));
    }
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, -7.6].map((value) => nearest(value) + 0)).toEqual([0, 2, 2, 0, -2, 2, -8]);
  });

  it('draws about the share asked for, of neighbouring rows and seeds alike', () => {
    for (const seed of [1, 2, 4_000_000_000]) {
      const below = Array.from({ length: 20_000 }, (_, row) => drawOf(row, seed)).filter((draw) => draw < 0.3 * 2 ** 32).length;
      expect(Math.abs(below / 20_000 - 0.3)).toBeLessThan(0.015);
    }
  });
});

describe('records', () => {
  it('each row has a place of its own, in shares that differ by a stripe at most', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 5 }), (rowCount, threads) => {
      const starts = shareStarts(rowCount, threads);
      const places = Array.from({ length: rowCount }, (_, row) => recordOfRow(row, starts));
      expect(new Set(places).size).toBe(rowCount);
      expect(places.every((place) => place >= 0 && place < rowCount)).toBe(true);
      const sizes = Array.from({ length: threads }, (_, thread) => starts[thread + 1]! - starts[thread]!);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(256);
    }));
  });

  it('oracle: a bin is the number of cuts below the value; missing comes last', async () => {
    const compute = await plainKernels.open({});
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 254 }), fc.float({ noDefaultInfinity: true }), async (list, value) => {
      const cuts = Float32Array.from(list).sort();
      const layout = recordLayout(1, 'regression', false);
      const ints = new Int32Array(plan.length);
      ints[plan.columnCount] = 1;
      ints[plan.width] = layout.width;
      ints[plan.margin] = layout.margin;
      ints[plan.squaredError] = 1;
      const padded = new Float32Array(cutsPerColumn).fill(Infinity);
      padded.set(cuts);
      const records = new Uint8Array(layout.width);
      await compute.run(binIntoRecords, ints, new Float64Array(rule.length), Int32Array.of(0, cuts.length + 2), padded, Int32Array.of(0, 1), 0, 1, Float32Array.of(value), Float64Array.of(0.25), new Float64Array(0), 0, records);
      expect(records[0]).toBe(Number.isNaN(value) ? cuts.length + 1 : cuts.filter((cut) => cut < Math.fround(value)).length);
      expect(viewRecords(records).f64[layout.margin / 8]).toBe(-0.25);
    }));
  });
});
