import type { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { exportOnnx, loadModel, OnnxExportError } from '#tideline/learning';
import { isPlatformError, type ExperimentTracker, type ModelVersion } from '#tideline/platform';
import { modelFileIn, modelNameOf } from '../../../apps/trainer/src/model-artifact.ts';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes } from '../output.ts';

interface ExportOptions {
  readonly version: string;
  readonly out: string;
}

export function addExport(program: Command, run: Runner): void {
  program
    .command('export')
    .argument('<source>')
    .description('a registered model as an ONNX file, preparation included, for onnxruntime in any language')
    .requiredOption('--out <file>', 'where to write it, say churn.onnx')
    .option('--version <version>', 'number or alias of the version', 'champion')
    .action(run(exportModel));
}

async function exportModel({ world, output }: CommandContext, name: string, options: ExportOptions): Promise<void> {
  const source = await world.source(name);
  const tracker = await world.tracker();
  const version = await findVersion(tracker, modelNameOf(source.name), options.version);
  if (version === undefined) throw refused(`expected a version ${options.version} of ${modelNameOf(source.name)}, found none`, `tideline models --source ${name}`);
  const model = loadModel(await tracker.getArtifact(version.runId, modelFileIn(version.artifactPath)));
  let bytes: Uint8Array;
  try {
    bytes = exportOnnx(model);
  } catch (error) {
    throw error instanceof OnnxExportError ? refused(error.message) : error;
  }
  writeFileSync(options.out, bytes);
  const { kind, featureNames } = model;
  output.result(
    { model: version.name, version: version.version, kind, features: featureNames, file: options.out, bytes: bytes.byteLength },
    () => `${version.name} version ${version.version} (${kind}): ${formatBytes(bytes.byteLength)} in ${options.out}; input features, float32 [rows, ${featureNames.length}]: ${featureNames.join(', ')}`,
  );
}

/** By number, or by alias. */
async function findVersion(tracker: ExperimentTracker, model: string, version: string): Promise<ModelVersion | undefined> {
  if (!/^\d+$/.test(version)) return tracker.versionByAlias(model, version);
  try {
    return await tracker.getVersion(model, version);
  } catch (error) {
    if (isPlatformError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}
