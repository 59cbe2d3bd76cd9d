import type { Output } from './output.ts';
import type { World } from './world.ts';

/** What a command's body is handed. */
export interface CommandContext {
  readonly world: World;
  readonly output: Output;
  /** Aborted by Ctrl-C: stop at the next border and say how to go on. */
  readonly signal: AbortSignal;
}

/** A command's body: its context, then its arguments, then its options. */
// Commander hands positional arguments and the options object; each command names their shapes.
export type CommandBody = (context: CommandContext, ...args: never[]) => Promise<void>;

/** Turns a body into a commander action with an opened world, Ctrl-C and closing doors. */
export type Runner = (body: CommandBody) => (...args: unknown[]) => Promise<void>;
