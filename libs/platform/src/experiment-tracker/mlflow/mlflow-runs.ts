import { listIn, metricFrom, metricToWire, objectIn, runFrom, textIn, type MlflowMetric, type MlflowRun, type MlflowRunStatus, type MlflowTag } from './mlflow-answers.ts';
import { filterTag, filterText } from './filters.ts';
import { checkTags, LIMITS, splitBatch, type RunBatch } from './log-batches.ts';
import type { MlflowTransport } from './mlflow-transport.ts';

const API = '/api/2.0/mlflow';
const RUN_PAGE = 1_000;
const METRIC_PAGE = 10_000;

export interface CreateRun {
  readonly experimentId: string;
  readonly name: string;
  readonly startTimeMs?: number;
  readonly tags?: readonly MlflowTag[];
  /** A tag that no other run has. The run gets it, and is found by it when the answer is lost; without it the outcome stays unknown. */
  readonly identity?: MlflowTag;
}

export interface UpdateRun {
  readonly status?: MlflowRunStatus;
  readonly endTimeMs?: number;
  readonly name?: string;
}

export interface SearchRuns {
  readonly experimentIds: readonly string[];
  /** In MLflow's filter language. */
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  readonly limit?: number;
  /** Runs of one request, at most 50,000. */
  readonly pageSize?: number;
}

/** `client.runs` */
export class MlflowRuns {
  readonly #transport: MlflowTransport;

  constructor(transport: MlflowTransport) {
    this.#transport = transport;
  }

  async create({ experimentId, name, startTimeMs = Date.now(), tags = [], identity }: CreateRun): Promise<MlflowRun> {
    const all = identity === undefined ? tags : [...tags, identity];
    checkTags('tag', all, LIMITS.tagCharacters);
    const json = { experiment_id: experimentId, run_name: name, start_time: Math.round(startTimeMs), tags: all };
    const send = async (): Promise<MlflowRun> =>
      runFrom(objectIn(await this.#transport.json({ method: 'POST', path: `${API}/runs/create`, json, repeatable: false }), 'run'));
    return identity === undefined ? send() : this.#transport.once(send, () => this.findByTag([experimentId], identity));
  }

  async get(runId: string): Promise<MlflowRun> {
    return runFrom(objectIn(await this.#transport.json({ method: 'GET', path: `${API}/runs/get`, query: { run_id: runId }, repeatable: true }), 'run'));
  }

  /** The first run that has this tag. */
  async findByTag(experimentIds: readonly string[], { key, value }: MlflowTag): Promise<MlflowRun | undefined> {
    for await (const run of this.search({ experimentIds, filter: `${filterTag(key)} = ${filterText(value)}`, limit: 1 })) return run;
    return undefined;
  }

  /** Says the same a second time, so it is repeated; leave no field to the server's clock. */
  async update(runId: string, { status, endTimeMs, name }: UpdateRun): Promise<void> {
    const json = { run_id: runId, status, end_time: endTimeMs === undefined ? undefined : Math.round(endTimeMs), run_name: name };
    await this.#transport.json({ method: 'POST', path: `${API}/runs/update`, json, repeatable: true });
  }

  /** Moves it to MLflow's bin. */
  async delete(runId: string): Promise<void> {
    await this.#transport.json({ method: 'POST', path: `${API}/runs/delete`, json: { run_id: runId }, repeatable: true });
  }

  /** All that match, page by page; active ones only. */
  async *search({ experimentIds, filter, orderBy, limit = Infinity, pageSize = RUN_PAGE }: SearchRuns): AsyncGenerator<MlflowRun> {
    let left = limit;
    for (let token: string | undefined; left > 0; ) {
      const json = { experiment_ids: experimentIds, filter, order_by: orderBy, max_results: Math.min(left, pageSize), page_token: token, run_view_type: 'ACTIVE_ONLY' };
      const page = await this.#transport.json({ method: 'POST', path: `${API}/runs/search`, json, repeatable: true });
      const runs = listIn(page, 'runs');
      left -= runs.length;
      for (const run of runs) yield runFrom(run);
      token = textIn(page, 'next_page_token', '');
      if (token === '') return;
    }
  }

  /**
   * Logs any number of metrics, parameters and tags in as many requests as the server's limits ask for. Parameters and tags may be sent
   * twice. Metrics are added, and some servers would add them twice, so when an answer is lost the history is read first and only
   * what is missing there is sent again. (The SQL store keeps an equal metric once anyway.)
   */
  async logBatch(runId: string, data: RunBatch): Promise<void> {
    for (const batch of splitBatch(data)) await this.#logPart(runId, batch);
  }

  async #logPart(runId: string, part: Required<RunBatch>): Promise<void> {
    let { metrics } = part;
    const send = (): Promise<unknown> => {
      const json = { run_id: runId, metrics: metrics.map(metricToWire), params: part.params, tags: part.tags };
      return this.#transport.json({ method: 'POST', path: `${API}/runs/log-batch`, json, repeatable: metrics.length === 0 });
    };
    const settle = async (): Promise<unknown> => {
      metrics = await this.#missing(runId, metrics);
      return metrics.length + part.params.length + part.tags.length === 0 ? {} : undefined;
    };
    await this.#transport.once(send, settle);
  }

  async #missing(runId: string, metrics: readonly MlflowMetric[]): Promise<readonly MlflowMetric[]> {
    const identify = ({ key, value, timestampMs, step }: MlflowMetric): string => `${key} ${value} ${Math.round(timestampMs)} ${step}`;
    const there = new Set<string>();
    for (const key of new Set(metrics.map((metric) => metric.key))) {
      for await (const metric of this.metricHistory(runId, key)) there.add(identify(metric));
    }
    return metrics.filter((metric) => !there.has(identify(metric)));
  }

  /** Every value of one metric, page by page; the SQL store gives them by time, then step, then value. Nothing for an unknown metric. */
  async *metricHistory(runId: string, key: string): AsyncGenerator<MlflowMetric> {
    for (let token: string | undefined; ; ) {
      const query = { run_id: runId, metric_key: key, max_results: METRIC_PAGE, page_token: token };
      const page = await this.#transport.json({ method: 'GET', path: `${API}/metrics/get-history`, query, repeatable: true });
      for (const metric of listIn(page, 'metrics')) yield metricFrom(metric, key);
      token = textIn(page, 'next_page_token', '');
      if (token === '') return;
    }
  }

  async deleteTag(runId: string, key: string): Promise<void> {
    await this.#transport.json({ method: 'POST', path: `${API}/runs/delete-tag`, json: { run_id: runId, key }, repeatable: true });
  }
}
