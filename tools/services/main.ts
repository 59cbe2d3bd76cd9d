import { Command, CommanderError, Option } from 'commander';
import { join } from 'node:path';
import { CommandError, wrongUse } from '../cli/command-error.ts';
import { createOutput, formatTable } from '../cli/output.ts';
import { serverKinds, type ServerKind, type Way } from './instance.ts';
import { projectRoot, Services } from './services.ts';

const EXIT_USAGE = 64;
const started = Date.now();
const report = (line: string): void => void process.stderr.write(`${`${((Date.now() - started) / 1000).toFixed(0)} s`.padStart(6)}  ${line}\n`);

interface Options {
  readonly folder: string;
  readonly json?: true;
  readonly native?: true;
}

const program = new Command('services');
program
  .description('Runs Kafka, a schema registry, MinIO and MLflow: as containers where a Docker engine answers, as processes where not.')
  .usage('[command] [options]')
  .exitOverride()
  .addHelpText('after', '\nOptions of start, without its name too: --brokers 3, --only kafka,minio, --native; of all: --folder <folder>, --json.')
  .showHelpAfterError('(npm run services -- --help says more)')
  .showSuggestionAfterError();

/** Options are per command, because `npm run services -- --brokers 3` names none. */
function command(name: string, description: string, isDefault = false): Command {
  return program
    .command(name, { isDefault })
    .description(description)
    .option('--folder <folder>', 'data, logs, ports and secrets of these servers', join(projectRoot, '.services', 'default'))
    .option('--json', 'one JSON document on stdout, nothing else there')
    .exitOverride();
}

const opened = ({ folder, native }: Options): Services => Services.open(folder, { report, ...(native && { way: 'native' as Way }) });

command('start', 'start what does not run and print the settings that lead there (the default)', true)
  .addOption(new Option('--brokers <number>', 'Kafka brokers; with 3, each record is on three and any one may be lost').choices(['1', '3']))
  .option('--only <servers>', `some of ${serverKinds.join(',')}`, parseKinds)
  .option('--native', 'as processes even where a Docker engine answers')
  .action(async (options: Options & { brokers?: '1' | '3'; only?: readonly ServerKind[] }) => {
    const services = opened(options);
    const only = options.only ?? serverKinds;
    await services.start({ only, ...(options.brokers !== undefined && { brokers: Number(options.brokers) as 1 | 3 }) });
    report(`ready; stop with: npm run services -- stop`);
    printSettings(services, only, options);
  });

command('env', 'print only the settings')
  .option('--only <servers>', `some of ${serverKinds.join(',')}`, parseKinds)
  .action((options: Options & { only?: readonly ServerKind[] }) => printSettings(opened(options), options.only ?? serverKinds, options));

command('status', 'what runs, on which port, with which log').action(async (options: Options) => {
  const servers = await opened(options).status();
  const text = (): string =>
    servers.length === 0 ? 'no server was started yet' : formatTable(['server', 'state', 'port', 'process', 'log'], servers.map(({ name, state, port, pid, log }) => [name, state, String(port), pid === undefined ? '-' : String(pid), log]));
  createOutput(options.json === true).result({ servers }, text);
});

command('stop', 'end exactly what was started here; data stay').action(async (options: Options) => {
  await opened(options).stop();
  createOutput(options.json === true).result({ stopped: true }, () => 'stopped; the data are kept');
});

command('kill', 'SIGKILL one server, to see what the system makes of it')
  .argument('<server>', 'kafka-1 (to kafka-3), registry, minio or mlflow')
  .action(async (name: string, options: Options) => {
    await opened(options).kill(name);
    createOutput(options.json === true).result({ killed: name }, () => `killed ${name}; npm run services -- restart ${name} brings it back`);
  });

command('restart', 'stop one server if it runs, start it on its data, wait until it is ready')
  .argument('<server>', 'kafka-1 (to kafka-3), registry, minio or mlflow')
  .action(async (name: string, options: Options) => {
    await opened(options).restart(name);
    createOutput(options.json === true).result({ restarted: name }, () => `${name} is ready`);
  });

command('delete', 'stop everything and remove all data of these servers; the installed programs stay').action(async (options: Options) => {
  await opened(options).delete();
  createOutput(options.json === true).result({ deleted: options.folder }, () => `deleted ${options.folder}`);
});

function printSettings(services: Services, only: readonly ServerKind[], options: Options): void {
  const settings = services.settings(only);
  const text = (): string => Object.entries(settings).map(([name, value]) => `${name}=${value}`).join('\n');
  createOutput(options.json === true).result({ settings, addresses: services.addresses() }, text);
}

function parseKinds(text: string): readonly ServerKind[] {
  const names = text.split(',').map((name) => name.trim()).filter((name) => name !== '');
  const unknown = names.filter((name) => !(serverKinds as readonly string[]).includes(name));
  if (unknown.length > 0 || names.length === 0) throw wrongUse(`expected --only to name some of ${serverKinds.join(', ')}, found '${text}'`);
  return names as ServerKind[];
}

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof CommandError) {
    process.stderr.write(`services: ${error.message}\n${error.advice === undefined ? '' : `${error.advice}\n`}`);
    return error.exitCode;
  }
  process.stderr.write(`services: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
