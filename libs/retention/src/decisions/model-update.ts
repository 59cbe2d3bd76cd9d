/** One message of `model-updates`, as JSON: which artifact is in force for a source from now on. Written by whoever moves an alias, read by the layers that answer. */
export interface ModelUpdate {
  readonly source: string;
  readonly kind: 'model' | 'visit-values';
  readonly name: string;
  readonly version: string;
  readonly runId: string;
  /** The artifact of the run, or the folder that holds it alone. */
  readonly artifactPath: string;
  readonly alias: string;
}

/** Reads a message's JSON; a message that is none, or lacks a field, gives the problem in words. */
export function parseModelUpdate(text: string): { update: ModelUpdate } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `expected JSON, found ${text.slice(0, 80)}` };
  }
  if (typeof value !== 'object' || value === null) return { problem: `expected an object, found ${text.slice(0, 80)}` };
  const fields = value as Record<string, unknown>;
  for (const name of ['source', 'kind', 'name', 'version', 'runId', 'artifactPath', 'alias']) {
    if (typeof fields[name] !== 'string') return { problem: `expected "${name}" to be text, found ${JSON.stringify(fields[name])}` };
  }
  if (fields['kind'] !== 'model' && fields['kind'] !== 'visit-values') {
    return { problem: `expected kind "model" or "visit-values", found "${String(fields['kind'])}"` };
  }
  return { update: fields as unknown as ModelUpdate };
}
