import { MlflowError } from './mlflow-error.ts';

/** A text as MLflow's search filters quote it: they know no escapes, so a text with both kinds of quotes can't be searched for. */
export function filterText(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new MlflowError('LIMIT_EXCEEDED', `expected a text without both kinds of quotes to search for, found ${text}`);
}

/** A tag's name as search filters take it, whatever characters it holds. */
export function filterTag(key: string): string {
  return `tags.\`${key}\``;
}
