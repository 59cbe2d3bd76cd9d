import { PlatformError, type Experiment, type Metric, type ModelVersion, type Run, type RunData } from '#tideline/platform';

/** Temporary stand-in. */
export class FabricatedTracker {
  runs = new Map<string, any>(); artifacts = new Map<string, Uint8Array>(); versions = new Map<string, ModelVersion[]>();
  async ensureExperiment(name: string): Promise<Experiment> { return { id: name, name }; }
  async startRun(experimentId: string, name: string, tags = {}): Promise<Run> { const id = String(this.runs.size).padStart(32, '0'); this.runs.set(id, { id, experimentId, name, status: 'RUNNING', startedAtMs: 0, endedAtMs: undefined, metrics: {}, params: {}, tags }); return this.runs.get(id); }
  async logRun(id: string, data: RunData) { for (const m of data.metrics ?? []) this.runs.get(id).metrics[m.name] = m.value; }
  async endRun(id: string, status: string) { this.runs.get(id).status = status; }
  async getRun(id: string) { const r = this.runs.get(id); if (!r) throw new PlatformError('NOT_FOUND', 'run ' + id); return r; }
  async listRuns() { return [...this.runs.values()]; }
  async metricHistory(): Promise<Metric[]> { return []; }
  async putArtifact(id: string, path: string, bytes: Uint8Array) { this.artifacts.set(id + path, bytes); }
  async getArtifact(id: string, path: string) { const b = this.artifacts.get(id + path); if (!b) throw new PlatformError('NOT_FOUND', path); return b; }
  async listArtifacts() { return []; }
  async registerVersion(name: string, runId: string, artifactPath: string, tags = {}) { const list = this.versions.get(name) ?? []; const v = { name, version: String(list.length + 1), runId, artifactPath, createdAtMs: 1e12, tags, aliases: [] }; list.push(v); this.versions.set(name, list); return v; }
  async getVersion(name: string, version: string) { const v = this.versions.get(name)?.find(x => x.version === version); if (!v) throw new PlatformError('NOT_FOUND', name); return v; }
  async versionByAlias(name: string, alias: string) { return this.versions.get(name)?.find(v => v.aliases.includes(alias)); }
  async listVersions(name: string) { return this.versions.get(name) ?? []; }
  async listModels() { return [...this.versions.keys()]; }
  async setAlias(name: string, alias: string, version: string) { const list = this.versions.get(name)!; this.versions.set(name, list.map(v => ({ ...v, aliases: v.version === version ? [...new Set([...v.aliases, alias])] : v.aliases.filter(a => a !== alias) }))); }
  async deleteAlias() {}
  async close() {}
}
