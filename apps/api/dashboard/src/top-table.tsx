import type { JSX } from 'preact';
import type { Score, SourceInfo } from './client.ts';
import { chance, instant, number, words } from './format.ts';
import { usePolled } from './hooks.ts';
import { RiskBar } from './risk-bar.tsx';

/** Who is most at risk now. */
export function TopTable({ source, onOpen }: { source: SourceInfo; onOpen: (entity: string) => void }): JSX.Element {
  const top = usePolled<Score[]>(`sources/${encodeURIComponent(source.name)}/top?limit=12`, 2000);
  const scored = (top.data ?? []).filter((score) => score.churnProbability !== null);
  const timed = scored.some((score) => score.eventTime !== null);
  const valued = scored.some((score) => score.expectedValue !== null);
  return (
    <section class="card top" aria-labelledby="top-title">
      <header><h2 id="top-title">Who is at risk</h2><span class="muted">{source.live.entities > 0 ? `of ${number(source.live.entities)} by ${words(source.entity)}` : ''}</span></header>
      {scored.length === 0
        ? <p class="empty">{emptyText(source)}</p>
        : (
          <div class="scroll">
            <table>
              <thead>
                <tr><th scope="col">{words(source.entity)}</th><th scope="col">{chance(source.target)}</th><th scope="col">main reason</th>{valued && <th scope="col" class="right">expected value</th>}{timed && <th scope="col" class="right">last event</th>}</tr>
              </thead>
              <tbody>
                {scored.map((score) => (
                  <tr key={score.entity} onClick={() => onOpen(score.entity)}>
                    <th scope="row"><button type="button" class="entity" onClick={(event) => { event.stopPropagation(); onOpen(score.entity); }}>{score.entity}</button></th>
                    <td><RiskBar probability={score.churnProbability} /></td>
                    <td>{mainReason(score)}</td>
                    {valued && <td class="right">{number(score.expectedValue)}</td>}
                    {timed && <td class="right muted">{instant(score.eventTime)}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
    </section>
  );
}

function mainReason(score: Score): string {
  const reason = score.reasons?.[0];
  return reason === undefined ? '–' : `${words(reason.feature)} ${number(reason.value)}`;
}

function emptyText(source: SourceInfo): string {
  if (source.champion === null) return 'Nobody is ranked yet: there is no model, so states carry no probability.';
  return 'Nobody is ranked yet: no entity has been scored since this page knows the log. Replay a log to fill it.';
}
