import { experimentFrom, listIn, objectIn, textIn, type MlflowExperiment, type MlflowTag } from './mlflow-answers.ts';
import { isMlflowError, MlflowError } from './mlflow-error.ts';
import { checkTags, LIMITS } from './log-batches.ts';
import type { MlflowTransport } from './mlflow-transport.ts';

const API = '/api/2.0/mlflow/experiments';
const PAGE = 1_000;

/** `client.experiments` */
export class MlflowExperiments {
  readonly #transport: MlflowTransport;

  constructor(transport: MlflowTransport) {
    this.#transport = transport;
  }

  /** Deleted ones too; undefined when there was never one of that name. */
  async getByName(name: string): Promise<MlflowExperiment | undefined> {
    try {
      const json = await this.#transport.json({ method: 'GET', path: `${API}/get-by-name`, query: { experiment_name: name }, repeatable: true });
      return experimentFrom(objectIn(json, 'experiment'));
    } catch (error) {
      if (isMlflowError(error, 'RESOURCE_DOES_NOT_EXIST')) return undefined;
      throw error;
    }
  }

  async get(experimentId: string): Promise<MlflowExperiment> {
    const json = await this.#transport.json({ method: 'GET', path: `${API}/get`, query: { experiment_id: experimentId }, repeatable: true });
    return experimentFrom(objectIn(json, 'experiment'));
  }

  /** The new experiment's id; `RESOURCE_ALREADY_EXISTS` for a name in use, by a deleted experiment too. */
  async create(name: string, tags: readonly MlflowTag[] = []): Promise<string> {
    if (name === '' || name.length > LIMITS.experimentNameCharacters) {
      throw new MlflowError('LIMIT_EXCEEDED', `expected an experiment name of 1 to ${LIMITS.experimentNameCharacters} characters, found ${name.length}`);
    }
    checkTags('tag', tags, LIMITS.tagCharacters);
    // A name is taken once, so that a second time finds it taken.
    const send = (): Promise<string> =>
      this.#transport.json({ method: 'POST', path: `${API}/create`, json: { name, tags }, repeatable: false }).then((json) => textIn(json, 'experiment_id'));
    return this.#transport.once(send, async () => (await this.getByName(name))?.experimentId);
  }

  /** The experiment of that name, made with these tags when missing; a deleted one is given as it is. */
  async ensure(name: string, tags: readonly MlflowTag[] = []): Promise<MlflowExperiment> {
    const known = await this.getByName(name);
    if (known !== undefined) return known;
    try {
      return await this.get(await this.create(name, tags));
    } catch (error) {
      // Somebody else was quicker.
      const made = isMlflowError(error, 'RESOURCE_ALREADY_EXISTS') ? await this.getByName(name) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  /** All that the filter lets through, page by page; active ones only. */
  async *search(filter?: string): AsyncGenerator<MlflowExperiment> {
    for (let token: string | undefined; ; ) {
      const request = { max_results: PAGE, filter, page_token: token, order_by: ['creation_time ASC'] };
      const json = await this.#transport.json({ method: 'POST', path: `${API}/search`, json: request, repeatable: true });
      for (const experiment of listIn(json, 'experiments')) yield experimentFrom(experiment);
      token = textIn(json, 'next_page_token', '');
      if (token === '') return;
    }
  }

  /** Asks for one experiment, to see whether an MLflow answers that lets us in. */
  async probe(patienceMs: number): Promise<void> {
    listIn(await this.#transport.json({ method: 'POST', path: `${API}/search`, json: { max_results: 1 }, repeatable: true, patienceMs }), 'experiments');
  }

  /** Moves it to MLflow's bin, where `mlflow gc` ends it. */
  async delete(experimentId: string): Promise<void> {
    await this.#transport.json({ method: 'POST', path: `${API}/delete`, json: { experiment_id: experimentId }, repeatable: true });
  }
}
