import { isPlatformError, type ObjectStore } from '#tideline/platform';
import { Problem } from '../problems/problem.ts';
import type { SourceCatalog } from '../sources/source-catalog.ts';

/** Runs are named by time and a few hexadecimal digits; nothing else is looked up. */
const RUN = /^\d{8}T\d{9}Z-[0-9a-f]{6}$/;

/** The documents that runs of the checks leave in the object store, read when asked for. */
export class QualityReports {
  readonly #sources: SourceCatalog;
  readonly #open: (() => Promise<ObjectStore>) | undefined;

  constructor(sources: SourceCatalog, open: (() => Promise<ObjectStore>) | undefined) {
    this.#sources = sources;
    this.#open = open;
  }

  /** The finished runs of a source, newest first; none before the first. */
  async runs(source: string): Promise<object> {
    const { name, checks = [] } = this.#sources.expect(source);
    const suites = checks.map((suite) => ({ name: suite.name, table: suite.table, checks: suite.checks.length }));
    const index = await this.#read(`gold/reports/${name}/index.json`);
    const { runs = [] } = index === undefined ? {} : (JSON.parse(index) as { runs?: readonly object[] });
    return { source: name, suites, runs };
  }

  /** Everything about one run, its first failing rows included. */
  async run(source: string, run: string): Promise<object> {
    const { name } = this.#sources.expect(source);
    const report = RUN.test(run) ? await this.#read(`gold/reports/${name}/${run}.json`) : undefined;
    if (report === undefined) throw unknownRun(name, run);
    return JSON.parse(report) as object;
  }

  /** A document for people: `index.html`, or a run's name with `.html`. */
  async page(source: string, file: string): Promise<string> {
    const { name } = this.#sources.expect(source);
    const isPage = file === 'index.html' || (file.endsWith('.html') && RUN.test(file.slice(0, -'.html'.length)));
    const page = isPage ? await this.#read(`gold/reports/${name}/${file}`) : undefined;
    if (page === undefined) throw unknownRun(name, file);
    return page;
  }

  async #read(key: string): Promise<string | undefined> {
    if (this.#open === undefined) return undefined;
    const store = await this.#open();
    try {
      return Buffer.from(await store.get(key)).toString('utf8');
    } catch (error) {
      if (isPlatformError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

function unknownRun(source: string, run: string): Problem {
  return new Problem(404, 'unknown-run', 'No such run of the checks', `expected a run of ${source} that GET /sources/${source}/checks lists, found ${JSON.stringify(run)}`);
}
