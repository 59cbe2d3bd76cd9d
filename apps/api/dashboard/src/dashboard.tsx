import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { rememberKey, type Live, type SourceInfo } from './client.ts';
import { useAddress, usePolled } from './hooks.ts';
import { LiveFeed } from './live-feed.tsx';
import { ModelsPanel } from './models-panel.tsx';
import { QualityPanel } from './quality-panel.tsx';
import type { Connection } from './score-feed.ts';
import { StoryDialog } from './story-dialog.tsx';
import { ThroughputCard } from './throughput-card.tsx';
import { TopTable } from './top-table.tsx';

/** The page: one source at a time, everything about it at a glance, one entity's story on demand. */
export function Dashboard(): JSX.Element {
  const sources = usePolled<SourceInfo[]>('sources', 3000);
  const [address, go] = useAddress();
  const [connection, setConnection] = useState<Connection>('connecting');
  // Without a choice the page shows what is alive: the source with the most scores.
  const busiest = [...(sources.data ?? [])].sort((a, b) => b.live.scores - a.live.scores)[0];
  const source = sources.data?.find(({ name }) => name === address.source) ?? busiest;
  const live = usePolled<Live>(source === undefined ? undefined : 'live', 1000);

  useEffect(() => {
    document.title = source === undefined ? 'Tideline' : `Tideline · ${source.name}`;
  }, [source?.name]);

  if (sources.error?.status === 401 || sources.error?.status === 403) return <KeyForm detail={sources.error.message} />;
  const lost = sources.error !== undefined;
  return (
    <>
      <header class="bar">
        <a class="brand" href="#" aria-label="Tideline, start">
          <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" /><path d="M5 13c3.7-4.6 7.3-4.6 11 0s7.3 4.6 11 0M5 21c3.7-4.6 7.3-4.6 11 0s7.3 4.6 11 0" /></svg>
          Tideline
        </a>
        <nav aria-label="Source" class="sources">
          {sources.data?.map(({ name, title }) => (
            <button type="button" key={name} title={title} aria-current={name === source?.name ? 'true' : undefined} onClick={() => go(name)}>{name}</button>
          ))}
        </nav>
        <p class={`connection ${lost ? 'lost' : connection}`} role="status">
          <span class="dot" aria-hidden="true" />
          {lost || connection === 'lost' ? 'connection lost, trying again' : connection}
        </p>
        <a class="docs" href="docs">API</a>
      </header>
      {source?.synthetic === true && (
        <p class="banner" role="note"><strong>Synthetic data.</strong> The log behind <code>{source.name}</code> was generated, so no number here is a finding. Replay your own with <code>npx tideline replay FILE --source {source.name}</code>.</p>
      )}
      {source === undefined
        ? <main class="page"><p class="empty">{sources.error === undefined ? 'Asking the API…' : `The API does not answer: ${sources.error.message}`}</p></main>
        : (
          <main class="page" key={source.name}>
            <h1><span>{source.name}</span> <small>{source.title}</small></h1>
            {source.champion === null && <NoModel source={source} />}
            <ThroughputCard source={source} live={live.data} />
            <LiveFeed source={source} onConnection={setConnection} onOpen={(entity) => go(source.name, entity)} />
            <TopTable source={source} onOpen={(entity) => go(source.name, entity)} />
            <ModelsPanel source={source} />
            <QualityPanel source={source} />
          </main>
        )}
      {source !== undefined && address.entity !== undefined && (
        <StoryDialog source={source} entity={address.entity} onOpen={(entity) => go(source.name, entity)} onClose={() => go(source.name)} />
      )}
    </>
  );
}

function NoModel({ source }: { source: SourceInfo }): JSX.Element {
  return (
    <section class="card notice">
      <h2>No model yet: states and rewards only</h2>
      <p>Every entity's rolling state is kept, but nothing scores it. Train the first model with <code>npx tideline train {source.name}</code>; it takes over here without a restart.</p>
    </section>
  );
}

function KeyForm({ detail }: { detail: string }): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    rememberKey(String(new FormData(event.currentTarget as HTMLFormElement).get('key') ?? ''));
    location.reload();
  };
  return (
    <main class="page key">
      <form class="card" onSubmit={submit}>
        <h1>A key is needed</h1>
        <p>{detail}</p>
        <label>Key <input name="key" type="password" autocomplete="current-password" required /></label>
        <button type="submit">Open</button>
        <p class="muted">Kept in this tab only.</p>
      </form>
    </main>
  );
}
