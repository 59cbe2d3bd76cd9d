import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** Programs of this machine that the servers are installed and run with. */
export interface Toolchain {
  /** Home folder of a Java. */
  java(least: number): string;
  readonly maven: string;
  readonly go: string;
  readonly python: string;
}

export type Tool = 'java17' | 'java21' | 'maven' | 'go' | 'python';

export interface ToolSearch {
  readonly path: string;
  readonly javaHome?: string | undefined;
  /** Folders whose entries are Java homes. */
  readonly javaFolders: readonly string[];
}

const HELP: Readonly<Record<Tool, readonly [what: string, advice: string]>> = {
  java17: ['Java 17 or newer (Kafka, Maven)', 'Debian: apt install openjdk-17-jdk-headless; macOS: brew install openjdk; or set JAVA_HOME'],
  java21: ['Java 21 or newer (schema registry)', 'install a Temurin or OpenJDK 21 or newer beside the other one; it is found under /usr/lib/jvm, on PATH or by JAVA_HOME'],
  maven: ['Maven 3.6 or newer (fetches Kafka and the schema registry)', 'Debian: apt install maven; macOS: brew install maven'],
  go: ['Go 1.24 or newer (builds MinIO)', 'Debian: see https://go.dev/doc/install; macOS: brew install go'],
  python: ['Python 3.10 or newer with venv (MLflow)', 'Debian: apt install python3 python3-venv; macOS: brew install python'],
};

/** Where this machine keeps such programs. */
export function toolSearch(env: NodeJS.ProcessEnv = process.env): ToolSearch {
  const home = env['HOME'] ?? '';
  return {
    path: env['PATH'] ?? '',
    javaHome: env['JAVA_HOME'],
    javaFolders: ['/usr/lib/jvm', '/opt/java', '/opt/homebrew/opt', join(home, '.sdkman/candidates/java'), join(home, '.jdks'), '/Library/Java/JavaVirtualMachines'],
  };
}

/** Finds what is asked for; everything missing is told at once, each with what to do. */
export function findToolchain(needed: readonly Tool[], search: ToolSearch = toolSearch()): Toolchain | { readonly missing: readonly string[] } {
  const javas = needed.some((tool) => tool.startsWith('java')) ? findJavas(search) : [];
  const found: Record<Tool, string | undefined> = {
    java17: javas.find(({ version }) => version >= 17)?.home,
    java21: javas.find(({ version }) => version >= 21)?.home,
    maven: needed.includes('maven') ? onPath('mvn', search) : undefined,
    go: needed.includes('go') ? onPath('go', search, (go) => atLeast(run(go, ['env', 'GOVERSION'], search), [1, 24])) : undefined,
    python: needed.includes('python') ? findPython(search) : undefined,
  };
  const missing = needed.filter((tool) => found[tool] === undefined).map((tool) => `${HELP[tool][0]}: not found; ${HELP[tool][1]}`);
  if (missing.length > 0) return { missing };
  return { java: (least) => (least > 17 ? found.java21! : found.java17!), maven: found.maven ?? '', go: found.go ?? '', python: found.python ?? '' };
}

function findJavas(search: ToolSearch): readonly { home: string; version: number }[] {
  const inFolders = search.javaFolders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []));
  const onThePath = search.path.split(delimiter).map((folder) => join(folder, 'java')).filter(isProgram).map((java) => dirname(dirname(realpathSync(java))));
  const homes = [search.javaHome ?? '', ...onThePath, ...inFolders, ...inFolders.map((folder) => join(folder, 'Contents/Home'))];
  const javas = [...new Set(homes)].filter((home) => home !== '' && isProgram(join(home, 'bin', 'java'))).map((home) => ({ home, version: javaVersion(home, search) }));
  // The oldest that will do: what a server was tried with is nearer to it.
  return javas.filter(({ version }) => version >= 17).sort((a, b) => a.version - b.version);
}

function javaVersion(home: string, search: ToolSearch): number {
  const release = join(home, 'release');
  const text = existsSync(release) ? readFileSync(release, 'utf8') : run(join(home, 'bin', 'java'), ['-version'], search);
  return Number(/(?:JAVA_VERSION="|version ")(\d+)/.exec(text)?.[1] ?? 0);
}

function findPython(search: ToolSearch): string | undefined {
  const check = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python']) {
    const python = onPath(name, search, (path) => atLeast(run(path, ['-c', check], search), [3, 10]));
    if (python !== undefined) return python;
  }
  return undefined;
}

function onPath(name: string, search: ToolSearch, fits: (path: string) => boolean = () => true): string | undefined {
  return search.path.split(delimiter).filter((folder) => folder !== '').map((folder) => join(folder, name)).find((path) => isProgram(path) && fits(path));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function run(program: string, args: readonly string[], search: ToolSearch): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 20_000, env: { ...process.env, PATH: search.path } });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

function atLeast(text: string, [major, minor]: readonly [number, number]): boolean {
  const match = /(\d+)\.(\d+)/.exec(text);
  if (match === null) return false;
  return Number(match[1]) > major || (Number(match[1]) === major && Number(match[2]) >= minor);
}
