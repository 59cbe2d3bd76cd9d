import type { Figure } from './measures.ts';

/** The last line of a measuring program: its figures as JSON, for `main.ts`. */
export function report(figures: readonly Figure[]): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Seconds that something took on the wall clock. */
export async function secondsOf(work: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
