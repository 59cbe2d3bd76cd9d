/** The apps that a proof may start and kill. */
export const PROVED_APPS = ['ingestor', 'speed-layer', 'batch-layer', 'trainer'] as const;
export type AppName = (typeof PROVED_APPS)[number];

/** One comparison of what must be there with what is there; equal when nothing is lost, doubled or different. */
export interface Check {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  readonly lost: number;
  readonly doubled: number;
  /** There once, but not as it must be: another content, another order. */
  readonly different: number;
  /** The first thing that is not as it must be, by name. */
  readonly first: string | undefined;
}

/** One kill that was done: when, and how far the work was. */
export interface DoneKill {
  readonly target: string;
  readonly moment: string;
  readonly second: number;
}

/** What a proof found. */
export interface Proof {
  readonly source: string;
  readonly file: string;
  readonly synthetic: boolean;
  readonly seed: number;
  readonly counts: { readonly read: number; readonly accepted: number; readonly rejected: number };
  readonly kills: readonly DoneKill[];
  /** Apps that ended without being killed and were started again, as a supervisor would; empty is usual. */
  readonly restarts: readonly string[];
  readonly checks: readonly Check[];
  readonly seconds: number;
  readonly ok: boolean;
}

export function isEqual({ lost, doubled, different }: Check): boolean {
  return lost === 0 && doubled === 0 && different === 0;
}

/** Holds what is found against what is expected, by identity: each expected one must be found once, with its content. */
export class Tally {
  readonly #what: string;
  readonly #expected = new Map<string, string>();
  readonly #seen = new Set<string>();
  #found = 0;
  #doubled = 0;
  #different = 0;
  #first: string | undefined;

  constructor(what: string) {
    this.#what = what;
  }

  expect(id: string, content = ''): void {
    this.#expected.set(id, content);
  }

  find(id: string, content = '', where = ''): void {
    this.#found++;
    const expected = this.#expected.get(id);
    if (expected === undefined || this.#seen.has(id)) {
      this.#doubled++;
      this.#first ??= `${id}${where}: expected ${expected === undefined ? 'none' : 'one'}, found ${expected === undefined ? 'one' : 'another one'}`;
    } else if (expected !== content) {
      this.#different++;
      this.#first ??= `${id}${where}: expected ${shorten(expected)}, found ${shorten(content)}`;
    }
    this.#seen.add(id);
  }

  check(): Check {
    let lost = 0;
    let firstLost: string | undefined;
    for (const id of this.#expected.keys()) {
      if (this.#seen.has(id)) continue;
      lost++;
      firstLost ??= `${id}: expected one, found none`;
    }
    return { what: this.#what, expected: this.#expected.size, found: this.#found, lost, doubled: this.#doubled, different: this.#different, first: firstLost ?? this.#first };
  }
}

/** A comparison of two numbers, for what only has a count. */
export function countCheck(what: string, expected: number, found: number): Check {
  const first = expected === found ? undefined : `${what}: expected ${expected}, found ${found}`;
  return { what, expected, found, lost: Math.max(0, expected - found), doubled: Math.max(0, found - expected), different: 0, first };
}

export function shorten(text: string): string {
  const printable = JSON.stringify(text);
  return printable.length > 160 ? `${printable.slice(0, 159)}…` : printable;
}
