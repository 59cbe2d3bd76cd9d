import { isPlatformError } from '../errors.ts';
import type { Metrics } from './metrics.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What these calls give is watched as well, under the door's name. */
const GIVERS = new Set(['openWriter', 'upload']);
/** Only looks things up here: no work of the world. */
const UNWATCHED = new Set(['locate', 'close', 'list']);

/**
 * The same door with every call timed (`tideline_door_call_seconds{door,call}`; a `read` of the event log includes its wait for records)
 * and every failure counted (`tideline_door_failures_total{door,call,code,retriable}`), so that an operator sees which door makes the apps wait.
 */
export function watchDoor<D extends object>(door: D, name: string, metrics: Metrics): D {
  const seconds = metrics.histogram('door_call_seconds', 'Time that a call of a door took; reading the event log includes waiting for records', SECONDS, ['door', 'call']);
  const failures = metrics.counter('door_failures_total', 'Calls of a door that failed; retriable ones are repeated by whoever called', ['door', 'call', 'code', 'retriable']);
  const wrap = <T extends object>(target: T): T => {
    const wrapped = new Map<PropertyKey, unknown>();
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        let call = wrapped.get(property);
        if (call === undefined) wrapped.set(property, (call = watched(target, value as Call, String(property))));
        return call;
      },
    });
  };
  const watched = (target: object, method: Call, call: string): unknown => {
    if (UNWATCHED.has(call)) return method.bind(target);
    const timer = seconds.labels(name, call);
    return (...given: unknown[]): unknown => {
      const startMs = performance.now();
      const result = method.apply(target, given);
      if (!(result instanceof Promise)) return result;
      return result.then(
        (value: unknown) => {
          timer.observe((performance.now() - startMs) / 1000);
          return GIVERS.has(call) ? wrap(value as object) : value;
        },
        (error: unknown) => {
          const platform = isPlatformError(error) ? error : undefined;
          failures.inc({ door: name, call, code: platform?.code ?? 'MISTAKE', retriable: String(platform?.retriable ?? false) });
          throw error;
        },
      );
    };
  };
  return wrap(door);
}

type Call = (this: object, ...given: unknown[]) => unknown;
