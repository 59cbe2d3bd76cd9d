import { artifactFrom, listIn, textIn, type MlflowArtifact, type MlflowRunInfo } from './mlflow-answers.ts';
import { MlflowError } from './mlflow-error.ts';
import type { MlflowTransport } from './mlflow-transport.ts';

const PROXY = '/api/2.0/mlflow-artifacts/artifacts';

/** Where a run's artifacts are: a run's `info`. */
export type RunArtifacts = Pick<MlflowRunInfo, 'runId' | 'artifactUri'>;

/** `client.artifacts`: files of runs through the server's proxy, so that no client needs the keys of the store behind it. */
export class MlflowArtifacts {
  readonly #transport: MlflowTransport;

  constructor(transport: MlflowTransport) {
    this.#transport = transport;
  }

  /** Replaces what is there; bytes are sent again when the answer is lost, a stream is not. */
  async put(run: RunArtifacts, path: string, body: Uint8Array | ReadableStream<Uint8Array>): Promise<void> {
    await this.#transport.bytes({ method: 'PUT', path: proxyPath(run, path), body, repeatable: true, timeoutMs: this.#transport.artifactTimeoutMs });
  }

  async get(run: RunArtifacts, path: string): Promise<Uint8Array> {
    return this.#transport.bytes({ method: 'GET', path: proxyPath(run, path), repeatable: true, timeoutMs: this.#transport.artifactTimeoutMs });
  }

  async stream(run: RunArtifacts, path: string): Promise<ReadableStream<Uint8Array>> {
    return this.#transport.stream({ method: 'GET', path: proxyPath(run, path), repeatable: true, timeoutMs: this.#transport.artifactTimeoutMs });
  }

  /** Every file below a folder of the run, folders entered; paths are below the run's artifact folder. */
  async *list({ runId }: Pick<RunArtifacts, 'runId'>, folder?: string): AsyncGenerator<MlflowArtifact> {
    for (let token: string | undefined; ; ) {
      const query = { run_id: runId, path: folder, page_token: token };
      const page = await this.#transport.json({ method: 'GET', path: '/api/2.0/mlflow/artifacts/list', query, repeatable: true });
      for (const file of listIn(page, 'files').map(artifactFrom)) {
        if (file.isFolder) yield* this.list({ runId }, file.path);
        else yield file;
      }
      token = textIn(page, 'next_page_token', '');
      if (token === '') return;
    }
  }
}

/** `mlflow-artifacts:/1/<run>/artifacts` is below the proxy's own root; an authority in between names the same server. */
function proxyPath({ artifactUri }: RunArtifacts, path: string): string {
  const root = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(artifactUri)?.[1];
  if (root === undefined) throw new MlflowError('NOT_PROXIED', `expected artifacts below mlflow-artifacts:/, found ${artifactUri}`);
  return `${PROXY}/${`${root}/${path}`.split('/').filter((part) => part !== '').map(encodeURIComponent).join('/')}`;
}
