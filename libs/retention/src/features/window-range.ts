import { type AggregateDefinition, TUMBLING_ORIGIN_MS } from '../sources/source.ts';

type TimedWindow = Pick<AggregateDefinition, 'windowMs' | 'offsetMs' | 'tumbling'>;

/** The event times `[startMs, endMs)` of a window with time as of a tile border. */
export function windowRange({ windowMs = 0, offsetMs = 0, tumbling }: TimedWindow, asOfMs: number): { readonly startMs: number; readonly endMs: number } {
  const border = tumbling === true ? Math.floor((asOfMs - TUMBLING_ORIGIN_MS) / windowMs) * windowMs + TUMBLING_ORIGIN_MS : asOfMs;
  const endMs = border - offsetMs;
  return { startMs: endMs - windowMs, endMs };
}

/** How far before as-of a window's oldest record may lie, ms: the last whole tumbling window may have ended almost its own width ago. */
export function reachMs({ windowMs = 0, offsetMs = 0, tumbling }: TimedWindow, tileMs: number): number {
  return windowMs + offsetMs + (tumbling === true ? windowMs - tileMs : 0);
}
