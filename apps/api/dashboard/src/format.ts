const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

export function count(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 1)} M` : whole.format(value);
}

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return Number.isInteger(value) ? whole.format(value) : three.format(value);
}

export function percent(probability: number | null): string {
  return probability === null ? 'no model' : `${(100 * probability).toFixed(probability >= 0.0995 ? 0 : 1)} %`;
}

/** A UTC instant as people read it; times of a log are its own, never this browser's zone. */
export function instant(iso: string | null | undefined): string {
  if (iso === null || iso === undefined) return 'no time in this source';
  return iso.replace('T', ' ').replace(/(\.0+)?Z$/, '').replace(/:00$/, '');
}

/** `gradient-boosting` becomes `gradient boosting`, `minutes_since_last` becomes `minutes since last`. */
export function words(name: string): string {
  return name.replace(/[-_]/g, ' ');
}

export type Risk = 'none' | 'low' | 'middle' | 'high';

export function risk(probability: number | null): Risk {
  if (probability === null) return 'none';
  return probability >= 0.66 ? 'high' : probability >= 0.33 ? 'middle' : 'low';
}

const CHANCES: Readonly<Record<string, string>> = { churn: 'chance of churn', leaves: 'chance of leaving' };

/** What a probability of this target is called. */
export function chance(target: string): string {
  return CHANCES[target] ?? `chance: ${words(target)}`;
}
