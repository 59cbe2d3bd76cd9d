import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Reason, SourceInfo, Story, Transition } from './client.ts';
import { chance, instant, number, percent, risk, words } from './format.ts';
import { usePolled } from './hooks.ts';
import { WhatIf } from './what-if.tsx';

/** One entity's story beside the page: how likely it leaves, why, its state, and what happened last. Escape closes it. */
export function StoryDialog(props: { source: SourceInfo; entity: string; onOpen: (entity: string) => void; onClose: () => void }): JSX.Element {
  const { source, entity, onOpen, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const story = usePolled<Story>(`sources/${encodeURIComponent(source.name)}/entities/${encodeURIComponent(entity)}`, 2000);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="story" aria-labelledby="story-title" onClose={onClose} onClick={(event) => { if (event.target === dialog.current) dialog.current?.close(); }}>
      <div class="inside">
        <header>
          <h2 id="story-title"><small>{words(source.entity)}</small> {entity}</h2>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button>
        </header>
        {story.data === undefined
          ? <Missing error={story.error} onOpen={onOpen} />
          : <Told source={source} story={story.data} />}
      </div>
    </dialog>
  );
}

function Missing({ error, onOpen }: { error: { message: string; nearest: string | undefined } | undefined; onOpen: (entity: string) => void }): JSX.Element {
  if (error === undefined) return <p class="empty">Asking…</p>;
  return (
    <p class="empty">
      {error.message}
      {error.nearest !== undefined && <> Nearest: <button type="button" class="entity" onClick={() => onOpen(error.nearest ?? '')}>{error.nearest}</button></>}
    </p>
  );
}

function Told({ source, story }: { source: SourceInfo; story: Story }): JSX.Element {
  const { score } = story;
  return (
    <>
      <div class={`verdict ${risk(score.churnProbability)}`}>
        <p class="big">{percent(score.churnProbability)}</p>
        <p>
          {score.churnProbability === null ? 'states and rewards only, until a model is trained' : chance(source.target)}
          {score.expectedValue !== null && <><br />expected value of the rest: <b>{number(score.expectedValue)}</b></>}
          {score.model !== null && <><br /><span class="muted">{score.model.name} version {score.model.version}, {words(score.model.kind)}</span></>}
        </p>
      </div>
      {story.eventTime !== null && <p class="times muted">last event {instant(story.eventTime)} · features as of {instant(story.featureTime)}</p>}
      <h3>Why</h3>
      <Reasons reasons={score.reasons ?? []} />
      <h3>Rolling state</h3>
      <dl class="state">
        {story.features.map(({ name, value }) => (
          <div key={name} title={source.features.find((feature) => feature.name === name)?.formula}><dt>{words(name)}</dt><dd>{number(value)}</dd></div>
        ))}
      </dl>
      <WhatIf source={source} score={score} />
      {story.visitValues !== null && <VisitSteps visit={story.visitValues} />}
      <h3>Last transitions</h3>
      <Timeline transitions={story.transitions} names={source.state} />
    </>
  );
}

function Reasons({ reasons }: { reasons: Reason[] }): JSX.Element {
  if (reasons.length === 0) return <p class="empty">No reasons: no model has scored this one.</p>;
  const widest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  return (
    <ul class="reasons">
      {reasons.map(({ feature, value, contribution }) => (
        <li key={feature} class={contribution >= 0 ? 'up' : 'down'}>
          <span class="name">{words(feature)} <b>{number(value)}</b></span>
          <span class="diverging" aria-hidden="true"><i style={{ width: `${(50 * Math.abs(contribution)) / widest}%` }} /></span>
          <span class="right" aria-label={`${contribution >= 0 ? 'raises' : 'lowers'} the log-odds by ${Math.abs(contribution).toFixed(2)}`}>{contribution >= 0 ? '+' : '−'}{Math.abs(contribution).toFixed(2)}</span>
        </li>
      ))}
    </ul>
  );
}

function VisitSteps({ visit }: { visit: NonNullable<Story['visitValues']> }): JSX.Element {
  return (
    <>
      <h3>A visit of this segment, page by page</h3>
      <div class="scroll">
        <table>
          <thead><tr><th scope="col">page</th><th scope="col" class="right">leaves</th><th scope="col" class="right">mean reward</th><th scope="col" class="right">expected after it</th></tr></thead>
          <tbody>
            {visit.steps.map((step) => (
              <tr key={step.step}><th scope="row">{step.step}</th><td class="right">{percent(step.leave)}</td><td class="right">{number(step.meanReward)}</td><td class="right">{number(step.expectedValue)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Timeline({ transitions, names }: { transitions: Transition[]; names: string[] }): JSX.Element {
  if (transitions.length === 0) return <p class="empty">No transition is complete yet: one is written when a decision's outcome is known.</p>;
  return (
    <ol class="timeline">
      {transitions.map((transition, index) => (
        <li key={index} class={(transition.reward ?? 0) > 0 ? 'rewarded' : ''}>
          <span class="action">{words(String(transition.action ?? 'no action'))}{transition.done === true && <span class="tag">end</span>}</span>
          <span class="muted">{when(transition)}</span>
          <span class="right">reward <b>{number(transition.reward)}</b></span>
          <Change before={transition['state']} after={transition.nextState} names={names} />
        </li>
      ))}
    </ol>
  );
}

/** The two state features that changed most, relative to where they were. */
function Change({ before, after, names }: { before: unknown; after: (number | null)[] | null | undefined; names: string[] }): JSX.Element | null {
  if (!Array.isArray(before) || !Array.isArray(after)) return null;
  const changes = names
    .map((name, index) => ({ name, from: before[index] as number | null, to: after[index] as number | null }))
    .filter(({ from, to }) => from !== to && from !== null && to !== null)
    .sort((a, b) => size(b) - size(a))
    .slice(0, 2);
  if (changes.length === 0) return null;
  return <span class="change muted">{changes.map(({ name, from, to }) => `${words(name)} ${number(from)} → ${number(to)}`).join(', ')}</span>;
}

function size({ from, to }: { from: number | null; to: number | null }): number {
  return Math.abs((to ?? 0) - (from ?? 0)) / (Math.abs(from ?? 0) + 1);
}

function when(transition: Transition): string {
  const time = transition['eventTime'] ?? transition['decisionTime'] ?? transition['time'] ?? transition['asOf'];
  return typeof time === 'string' ? instant(time) : '';
}
