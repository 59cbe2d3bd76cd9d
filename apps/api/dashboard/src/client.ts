/* What the page asks of the API, and how. Types mirror the HTTP answers, not the server's own. */

export interface SourceInfo {
  name: string;
  title: string;
  entity: string;
  time: string | null;
  synthetic: boolean;
  target: string;
  state: string[];
  features: { name: string; formula: string }[];
  champion: { name: string; version: string; kind: string; features: string[] } | null;
  visitValues: string | null;
  live: { entities: number; scores: number };
}

export interface Reason {
  feature: string;
  value: number | null;
  contribution: number;
}

export interface Score {
  source: string;
  entity: string;
  eventTime: string | null;
  featureTime: string | null;
  churnProbability: number | null;
  expectedValue: number | null;
  state: (number | null)[];
  reward: number | null;
  model: { name: string; version: string; kind: string } | null;
  reasons: Reason[] | null;
}

export interface Transition {
  action?: string | number | null;
  reward?: number | null;
  done?: boolean;
  nextState?: (number | null)[] | null;
  [member: string]: unknown;
}

export interface Story {
  entity: string;
  eventTime: string | null;
  featureTime: string | null;
  features: { name: string; value: number | null; asOf: string | null }[];
  score: Score;
  transitions: Transition[];
  visitValues: { version: string; steps: { step: number; leave: number; meanReward: number; expectedValue: number }[] } | null;
}

export interface Live {
  intervalSeconds: number;
  sources: Record<string, { scores: number[]; records: number[]; entities: number; scoresTotal: number }>;
}

export interface Interval {
  value: number;
  low?: number;
  high?: number;
}

export interface ModelInfo {
  source: string;
  name: string;
  version: string;
  kind: string;
  target: string;
  features: string[];
  metrics: Record<string, Interval>;
  baseline: Record<string, Interval>;
  loadedAt: string;
}

export interface VersionInfo {
  version: string;
  createdAt: string;
  aliases: string[];
  kind?: string;
  metrics: Record<string, Interval>;
}

export interface CheckRunInfo {
  run: string;
  atMs: number;
  verdict: string;
  input: string;
  failed: string[];
  warned: string[];
  rejected: number;
}

export interface QualityInfo {
  suites: { name: string; table: string; checks: number }[];
  runs: CheckRunInfo[];
}

export interface CheckRunReport {
  run: string;
  input: string;
  results: { suite: string; check: string; verdict: string; expected: string; found: string }[];
  failingRows: { reason: string; detail: string; file: string; byteOffset: number; original: string }[];
}

/** A refused request, with the problem document's own words. */
export class Refused extends Error {
  readonly status: number;
  readonly nearest: string | undefined;

  constructor(status: number, detail: string, nearest: string | undefined) {
    super(detail);
    this.status = status;
    this.nearest = nearest;
  }
}

const KEY = 'tideline-key';

export function rememberKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

export function headers(): Record<string, string> {
  const key = sessionStorage.getItem(KEY);
  return key === null || key === '' ? {} : { authorization: `Bearer ${key}` };
}

export async function get<T>(path: string): Promise<T> {
  const response = await fetch(path, { headers: headers() });
  if (response.ok) return (await response.json()) as T;
  throw await refusal(response);
}

export async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(path, { method: 'POST', headers: { ...headers(), 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (response.ok) return (await response.json()) as T;
  throw await refusal(response);
}

export async function refusal(response: Response): Promise<Refused> {
  try {
    const problem = (await response.json()) as { detail?: string; nearest?: string };
    return new Refused(response.status, problem.detail ?? response.statusText, problem.nearest);
  } catch {
    return new Refused(response.status, response.statusText, undefined);
  }
}
