import type { JSX } from 'preact';
import { percent, risk } from './format.ts';

/** A probability as a bar with its number; the colour repeats what the number says. */
export function RiskBar({ probability }: { probability: number | null }): JSX.Element {
  return (
    <span class={`risk ${risk(probability)}`}>
      <span class="track" aria-hidden="true"><span style={{ width: `${100 * (probability ?? 0)}%` }} /></span>
      <b>{percent(probability)}</b>
    </span>
  );
}
