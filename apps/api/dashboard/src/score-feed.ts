import { headers, refusal, type Score } from './client.ts';

export type Connection = 'connecting' | 'live' | 'lost';

interface Listener {
  onScore(score: Score): void;
  onConnection(state: Connection): void;
}

const RETRY_MS = 2000;

/**
 * Listens to the stream of scores. `fetch` rather than `EventSource`, which cannot send a key. Gives the function that stops it.
 */
export function listenToScores(query: string, listener: Listener): () => void {
  const abort = new AbortController();
  void run(query, listener, abort.signal);
  return () => abort.abort();
}

async function run(query: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let first = true;
  while (!signal.aborted) {
    listener.onConnection('connecting');
    try {
      // The newest scores fill an empty list once; after a break only what is new is wanted.
      await readStream(`scores/stream?${query}&last=${first ? 12 : 0}`, listener, signal);
    } catch {
      if (signal.aborted) return;
    }
    first = false;
    listener.onConnection('lost');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function readStream(path: string, listener: Listener, signal: AbortSignal): Promise<void> {
  const response = await fetch(path, { headers: { ...headers(), accept: 'text/event-stream' }, signal });
  if (!response.ok || response.body === null) throw await refusal(response);
  listener.onConnection('live');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) listener.onScore(JSON.parse(data.slice(6)) as Score);
    }
  }
}
