/** Ends a command with a message for people and one of the promised exit codes. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2 | 64;
  readonly advice: string | undefined;

  constructor(exitCode: 1 | 2 | 64, message: string, advice?: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** 1: it failed. */
export const failed = (message: string, advice?: string): CommandError => new CommandError(1, message, advice);
/** 2: the data or a gate said no. */
export const refused = (message: string, advice?: string): CommandError => new CommandError(2, message, advice);
/** 64: the command was called wrongly. */
export const wrongUse = (message: string, advice?: string): CommandError => new CommandError(64, message, advice);
