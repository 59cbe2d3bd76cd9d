import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Score, SourceInfo } from './client.ts';
import { instant, number, words } from './format.ts';
import { RiskBar } from './risk-bar.tsx';
import { listenToScores, type Connection } from './score-feed.ts';

const ROWS = 14;

interface Row {
  id: number;
  score: Score;
}

/** The newest scores as they come, a readable sample of them when they come fast. */
export function LiveFeed(props: { source: SourceInfo; onConnection: (state: Connection) => void; onOpen: (entity: string) => void }): JSX.Element {
  const { source, onConnection, onOpen } = props;
  const [rows, setRows] = useState<Row[]>([]);
  const [paused, setPaused] = useState(false);
  const held = useRef(false);
  held.current = paused;

  useEffect(() => {
    let next = 0;
    return listenToScores(`source=${encodeURIComponent(source.name)}&rate=4`, {
      onConnection,
      onScore: (score) => {
        if (!held.current) setRows((before) => [{ id: next++, score }, ...before].slice(0, ROWS));
      },
    });
  }, [source.name]);

  return (
    <section class="card feed" aria-labelledby="feed-title">
      <header>
        <h2 id="feed-title">Live scores</h2>
        {rows.length > 0 && <button type="button" class="quiet" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? 'Go on' : 'Pause'}</button>}
      </header>
      {rows.length === 0
        ? <p class="empty">No scores have come yet. Start a replay: <code>npx tideline replay FILE --source {source.name}</code></p>
        : (
          <ol aria-label="Newest scores, newest first">
            {rows.map(({ id, score }) => (
              <li key={id}>
                <button type="button" class="entity" onClick={() => onOpen(score.entity)}>{score.entity}</button>
                <RiskBar probability={score.churnProbability} />
                <span class="muted">{detail(score)}</span>
              </li>
            ))}
          </ol>
        )}
    </section>
  );
}

function detail(score: Score): string {
  const reason = score.reasons?.[0];
  if (score.eventTime !== null) return instant(score.eventTime);
  return reason === undefined ? `reward ${score.reward ?? 0}` : `${words(reason.feature)} ${number(reason.value)}`;
}
