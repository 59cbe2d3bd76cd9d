import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installations } from './installations.ts';
import { installFolder, isInstalled } from './installer.ts';
import { installMissing } from './native-servers.ts';
import { installRoot } from './services.ts';

/** The command that reads compose files: Docker's own, or the one built here, which needs no engine for that; undefined where there is neither. */
export function composeCommand(): readonly string[] | undefined {
  if (spawnSync('docker', ['compose', 'version'], { stdio: 'ignore', timeout: 20_000 }).status === 0) return ['docker', 'compose'];
  return isInstalled(installRoot, installations.compose) ? [join(installFolder(installRoot, installations.compose), 'compose')] : undefined;
}

/** Builds the command where Docker brings none. */
export async function installCompose(report: (line: string) => void): Promise<void> {
  if (composeCommand() === undefined) await installMissing([installations.compose], { installRoot, report });
}
