import { useEffect, useRef, useState } from 'preact/hooks';
import { get, Refused } from './client.ts';

export interface Asked<T> {
  data: T | undefined;
  error: Refused | undefined;
}

/** Asks now and then every `everyMs` while the page is visible; keeps the last good answer when one fails. */
export function usePolled<T>(path: string | undefined, everyMs: number): Asked<T> {
  const [asked, setAsked] = useState<{ path: string | undefined; data: T | undefined; error: Refused | undefined }>({ path, data: undefined, error: undefined });
  useEffect(() => {
    if (path === undefined) return undefined;
    let ended = false;
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const data = await get<T>(path);
        if (!ended) setAsked({ path, data, error: undefined });
      } catch (error) {
        const refused = error instanceof Refused ? error : new Refused(0, 'the API does not answer', undefined);
        if (!ended) setAsked((before) => ({ path, data: before.path === path ? before.data : undefined, error: refused }));
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), everyMs);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  }, [path, everyMs]);
  // An answer to another question is no answer.
  return asked.path === path ? asked : { data: undefined, error: undefined };
}

/** The part of the address after `#`, as `source/entity`. */
export function useAddress(): [{ source: string | undefined; entity: string | undefined }, (source: string, entity?: string) => void] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const read = (): void => setHash(location.hash);
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  const [source, entity] = hash.slice(1).split('/').map(decodeURIComponent);
  const go = (to: string, what?: string): void => {
    location.hash = what === undefined ? encodeURIComponent(to) : `${encodeURIComponent(to)}/${encodeURIComponent(what)}`;
  };
  return [{ source: source === '' ? undefined : source, entity }, go];
}

/** True while the reader prefers dark colours. */
export function useDark(): boolean {
  const query = useRef(matchMedia('(prefers-color-scheme: dark)')).current;
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const read = (): void => setDark(query.matches);
    query.addEventListener('change', read);
    return () => query.removeEventListener('change', read);
  }, [query]);
  return dark;
}
