import { setTimeout as sleep } from 'node:timers/promises';
import { filterText } from './filters.ts';
import { checkTags, LIMITS } from './log-batches.ts';
import { listIn, modelFrom, objectIn, textIn, versionFrom, type MlflowModel, type MlflowModelVersion, type MlflowTag } from './mlflow-answers.ts';
import { isMlflowError, MlflowError } from './mlflow-error.ts';
import type { MlflowTransport } from './mlflow-transport.ts';

const MODELS = '/api/2.0/mlflow/registered-models';
const VERSIONS = '/api/2.0/mlflow/model-versions';
const PAGE = 200;
const READY_MS = 60_000;

export interface CreateVersion {
  readonly name: string;
  /** Like `runs:/<run>/<path>`; other places than runs, artifacts of this server and object stores are refused by the server. */
  readonly source: string;
  readonly runId: string;
  readonly tags?: readonly MlflowTag[];
  /** A tag that no other version of the model has, by which the version is found when the answer is lost. */
  readonly identity?: MlflowTag;
}

/** `client.models`: registered models, their versions and aliases. */
export class MlflowModels {
  readonly #transport: MlflowTransport;

  constructor(transport: MlflowTransport) {
    this.#transport = transport;
  }

  /** The model of that name, made when missing. */
  async ensure(name: string, tags: readonly MlflowTag[] = []): Promise<MlflowModel> {
    checkTags('tag', tags, LIMITS.modelTagCharacters);
    try {
      // A name is taken once, so that a second time finds it taken.
      return modelFrom(objectIn(await this.#transport.json({ method: 'POST', path: `${MODELS}/create`, json: { name, tags }, repeatable: true }), 'registered_model'));
    } catch (error) {
      const made = isMlflowError(error, 'RESOURCE_ALREADY_EXISTS') ? await this.get(name) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  async get(name: string): Promise<MlflowModel | undefined> {
    const json = await missingIsUndefined(this.#transport.json({ method: 'GET', path: `${MODELS}/get`, query: { name }, repeatable: true }));
    return json && modelFrom(objectIn(json, 'registered_model'));
  }

  async *search(filter?: string): AsyncGenerator<MlflowModel> {
    for (let token: string | undefined; ; ) {
      const query = { filter, max_results: PAGE, page_token: token };
      const page = await this.#transport.json({ method: 'GET', path: `${MODELS}/search`, query, repeatable: true });
      for (const model of listIn(page, 'registered_models')) yield modelFrom(model);
      token = textIn(page, 'next_page_token', '');
      if (token === '') return;
    }
  }

  /** Registers the next version of a model that exists, and waits until the server calls it ready. */
  async createVersion({ name, source, runId, tags = [], identity }: CreateVersion): Promise<MlflowModelVersion> {
    const all = identity === undefined ? tags : [...tags, identity];
    checkTags('tag', all, LIMITS.modelTagCharacters);
    const json = { name, source, run_id: runId, tags: all };
    const send = async (): Promise<MlflowModelVersion> =>
      versionFrom(objectIn(await this.#transport.json({ method: 'POST', path: `${VERSIONS}/create`, json, repeatable: false }), 'model_version'));
    const made = identity === undefined ? send() : this.#transport.once(send, () => this.#findByTag(name, identity));
    return this.#whenReady(await made);
  }

  async #findByTag(name: string, { key, value }: MlflowTag): Promise<MlflowModelVersion | undefined> {
    for await (const version of this.versions(name)) if (version.tags.some((tag) => tag.key === key && tag.value === value)) return version;
    return undefined;
  }

  async #whenReady(version: MlflowModelVersion): Promise<MlflowModelVersion> {
    const deadline = performance.now() + READY_MS;
    for (let now = version, waitMs = 50; ; waitMs = Math.min(waitMs * 2, 2_000)) {
      if (now.status === 'READY') return now;
      if (now.status === 'FAILED_REGISTRATION' || performance.now() > deadline) {
        throw new MlflowError('NOT_READY', `version ${now.version} of ${now.name}: expected it to become READY, found ${now.status} ${now.statusMessage}`, { outcome: 'unknown' });
      }
      await sleep(waitMs);
      now = (await this.getVersion(now.name, now.version)) ?? now;
    }
  }

  async getVersion(name: string, version: string): Promise<MlflowModelVersion | undefined> {
    const json = await missingIsUndefined(this.#transport.json({ method: 'GET', path: `${VERSIONS}/get`, query: { name, version }, repeatable: true }));
    return json && versionFrom(objectIn(json, 'model_version'));
  }

  /** Every version of a model, lowest number first, without aliases; none for an unknown model. */
  async *versions(name: string): AsyncGenerator<MlflowModelVersion> {
    for (let token: string | undefined; ; ) {
      const query = { filter: `name = ${filterText(name)}`, order_by: 'version_number ASC', max_results: PAGE, page_token: token };
      const page = await this.#transport.json({ method: 'GET', path: `${VERSIONS}/search`, query, repeatable: true });
      for (const version of listIn(page, 'model_versions')) yield versionFrom(version);
      token = textIn(page, 'next_page_token', '');
      if (token === '') return;
    }
  }

  async deleteVersion(name: string, version: string): Promise<void> {
    await this.#transport.json({ method: 'DELETE', path: `${VERSIONS}/delete`, json: { name, version }, repeatable: true });
  }

  async setVersionTag(name: string, version: string, { key, value }: MlflowTag): Promise<void> {
    checkTags('tag', [{ key, value }], LIMITS.modelTagCharacters);
    await this.#transport.json({ method: 'POST', path: `${VERSIONS}/set-tag`, json: { name, version, key, value }, repeatable: true });
  }

  /** Nothing happens where it does not exist. */
  async deleteVersionTag(name: string, version: string, key: string): Promise<void> {
    await missingIsUndefined(this.#transport.json({ method: 'DELETE', path: `${VERSIONS}/delete-tag`, json: { name, version, key }, repeatable: true }));
  }

  async setModelTag(name: string, { key, value }: MlflowTag): Promise<void> {
    checkTags('tag', [{ key, value }], LIMITS.modelTagCharacters);
    await this.#transport.json({ method: 'POST', path: `${MODELS}/set-tag`, json: { name, key, value }, repeatable: true });
  }

  /** Moves it, when another version has it. */
  async setAlias(name: string, alias: string, version: string): Promise<void> {
    await this.#transport.json({ method: 'POST', path: `${MODELS}/alias`, json: { name, alias, version }, repeatable: true });
  }

  /** Undefined when the model or the alias does not exist; MLflow calls a missing alias an invalid parameter. */
  async versionByAlias(name: string, alias: string): Promise<MlflowModelVersion | undefined> {
    const call = this.#transport.json({ method: 'GET', path: `${MODELS}/alias`, query: { name, alias }, repeatable: true });
    const json = await missingIsUndefined(call, 'INVALID_PARAMETER_VALUE');
    return json && versionFrom(objectIn(json, 'model_version'));
  }

  /** Nothing happens where it does not exist. */
  async deleteAlias(name: string, alias: string): Promise<void> {
    await missingIsUndefined(this.#transport.json({ method: 'DELETE', path: `${MODELS}/alias`, json: { name, alias }, repeatable: true }));
  }
}

async function missingIsUndefined<T>(call: Promise<T>, ...also: readonly string[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isMlflowError(error, 'RESOURCE_DOES_NOT_EXIST', ...also)) return undefined;
    throw error;
  }
}
