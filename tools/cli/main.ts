import { Command, CommanderError } from 'commander';
import { isPlatformError } from '#tideline/platform';
import { UnreadableRecord } from '#tideline/retention';
import { CommandError, failed } from './command-error.ts';
import { addCommands } from './commands/index.ts';
import type { CommandContext } from './context.ts';
import { createOutput } from './output.ts';
import { World } from './world.ts';

/** Wrong use of the command line, as sysexits.h numbers it. */
const EXIT_USAGE = 64;

const program = new Command('tideline');
program
  .description('Replays behaviour logs exactly once, keeps live churn scores, rebuilds the truth in a lake, learns and answers.')
  .version('0.1.0')
  .option('--json', 'one JSON document on stdout, nothing else there')
  .showSuggestionAfterError()
  .showHelpAfterError('(tideline <command> --help says more)')
  .exitOverride()
  .configureOutput({ writeErr: (text) => process.stderr.write(text) });
program.enablePositionalOptions(false);

addCommands(program, (body) => async (...args: unknown[]) => {
  const command = args.at(-1) as Command;
  const json = command.optsWithGlobals()['json'] === true;
  const stop = new AbortController();
  let asked = 0;
  const interrupt = (): void => {
    // The first Ctrl-C stops in order at the next border, the second at once.
    if (++asked > 1) process.exit(130);
    process.stderr.write('tideline: stopping at the next border; Ctrl-C again stops at once\n');
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const world = new World();
  const context: CommandContext = { world, output: createOutput(json), signal: stop.signal };
  try {
    await body(context, ...(args.slice(0, -1) as never[]));
  } catch (error) {
    // What a body throws after it was told to stop is its way of stopping.
    if (stop.signal.aborted && error === stop.signal.reason) throw failed('stopped; what was finished before is kept', 'the same command goes on from there');
    throw error;
  } finally {
    await world.close();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
});

/** Every command takes `--json`, before or after its name. */
for (const command of walk(program)) {
  if (command !== program && command.commands.length === 0) command.option('--json', 'one JSON document on stdout').exitOverride().showHelpAfterError();
}

function* walk(command: Command): Iterable<Command> {
  yield command;
  for (const child of command.commands) yield* walk(child);
}

// Whoever reads the output (a pager, head) may have seen enough: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`tideline: could not write the result: ${error.message}\n`);
  process.exit(1);
});

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof CommandError) {
    process.stderr.write(`tideline: ${error.message}\n${error.advice === undefined ? '' : `${error.advice}\n`}`);
    return error.exitCode;
  }
  if (error instanceof UnreadableRecord) {
    process.stderr.write(`tideline: ${error.message}\n`);
    return 2;
  }
  if (isPlatformError(error)) {
    process.stderr.write(`tideline: ${error.message}\n`);
    return error.code === 'SETTING_INVALID' || error.code === 'ADDRESS_INVALID' ? EXIT_USAGE : 1;
  }
  process.stderr.write(`tideline: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
