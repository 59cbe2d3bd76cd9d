import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { post, type Score, type SourceInfo } from './client.ts';
import { words } from './format.ts';
import { RiskBar } from './risk-bar.tsx';

interface Answer {
  churn_probability: number | null;
  prediction: number;
}

/** Other values for an entity's features, and what the champion would say to them; nothing is stored. */
export function WhatIf({ source, score }: { source: SourceInfo; score: Score }): JSX.Element | null {
  const [answer, setAnswer] = useState<Answer | string | undefined>(undefined);
  const features = source.champion?.features ?? [];
  if (features.length === 0) return null;
  const now = (name: string): number | null => score.state[source.state.indexOf(name)] ?? null;

  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const values = Object.fromEntries(features.map((name) => {
      const text = String(form.get(name) ?? '').trim();
      return [name, text === '' ? null : Number(text)];
    }));
    post<Answer>(`sources/${encodeURIComponent(source.name)}/predict?reasons=false`, { features: values }).then(setAnswer, (error: Error) => setAnswer(error.message));
  };

  return (
    <details class="what-if">
      <summary>What if the values were others?</summary>
      <form onSubmit={submit}>
        <div class="fields">
          {features.map((name) => (
            <label key={name}>{words(name)} <input name={name} type="number" step="any" defaultValue={now(name) ?? ''} placeholder="unknown" /></label>
          ))}
        </div>
        <div class="answer">
          <button type="submit">Ask the champion</button>
          <span role="status">{typeof answer === 'object' ? <RiskBar probability={answer.churn_probability} /> : answer}</span>
        </div>
      </form>
    </details>
  );
}
