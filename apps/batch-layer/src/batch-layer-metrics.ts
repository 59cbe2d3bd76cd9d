import type { Metrics, Pulse, Traces } from '#tideline/platform';
import type { ScheduleObserver } from './schedule.ts';

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800];

/** What the batch layer does by itself, as Prometheus metrics and one span a piece of work. */
export function watchBatchLayer(metrics: Metrics, pulse: Pulse, traces: Traces | undefined): ScheduleObserver {
  const landedRows = metrics.counter('batch_landed_rows_total', 'Rows landed, by table kind', ['source', 'table']);
  const refused = metrics.counter('batch_refused_rows_total', 'Rows that break the source\'s own rules: in bronze, not in silver', ['source']);
  const late = metrics.counter('batch_late_rows_total', 'Rows that came after the watermark had passed them', ['source']);
  const land = metrics.histogram('batch_land_seconds', 'One landing of a source', SECONDS, ['source']);
  const compactions = metrics.counter('batch_compactions_total', 'Tables whose small files were put together', ['table']);
  const builds = metrics.histogram('batch_build_seconds', 'One build of a source\'s gold tables', SECONDS, ['source']);
  const goldRows = metrics.gauge('batch_gold_rows', 'Rows of the last build, by table kind', ['source', 'table']);
  const builtAt = metrics.gauge('batch_built_timestamp_seconds', 'When gold was last built, seconds since the epoch', ['source']);
  const checkRuns = metrics.counter('batch_check_runs_total', 'Runs of a source\'s checks, by verdict', ['source', 'verdict']);
  const checksNotHeld = metrics.gauge('batch_checks_not_held', 'Checks that did not hold in the last run, by severity', ['source', 'severity']);
  const failingRows = metrics.gauge('batch_check_failing_rows', 'Rows that failed a check in the last run', ['source', 'suite', 'check']);
  const counted = metrics.gauge('batch_quality_rows', 'Rows that arrived late, twice, unknown or broken, as the last run of the checks counted them', ['source', 'what']);
  const failures = metrics.counter('batch_failed_rounds_total', 'Rounds that failed and are tried again', ['source']);
  return {
    pulse,
    landed: ({ source, landing, startMs, endMs }) => {
      for (const [table, rows] of [['bronze', landing.bronzeRows], ['silver', landing.silverRows], ['rejects', landing.rejects]] as const) landedRows.inc({ source, table }, rows);
      refused.inc({ source }, landing.refusedRows);
      late.inc({ source }, landing.lateRows);
      land.observe({ source }, (endMs - startMs) / 1000);
      if (landing.bronzeRows + landing.silverRows + landing.rejects === 0) return;
      traces?.record({ name: 'land', startMs, endMs, attributes: { source, bronzeRows: landing.bronzeRows, silverRows: landing.silverRows, rejects: landing.rejects } });
    },
    compacted: ({ source, reports, startMs, endMs }) => {
      for (const { table } of reports) compactions.inc({ table });
      if (reports.length > 0) traces?.record({ name: 'compact', startMs, endMs, attributes: { source, tables: reports.map(({ table }) => table).join(', ') } });
    },
    built: ({ source, report, startMs, endMs }) => {
      builds.observe({ source }, (endMs - startMs) / 1000);
      goldRows.set({ source, table: 'features' }, report.featureRows);
      goldRows.set({ source, table: 'training' }, report.trainingRows);
      builtAt.set({ source }, endMs / 1000);
      traces?.record({ name: 'build gold', startMs, endMs, attributes: { source, featureRows: report.featureRows, trainingRows: report.trainingRows, silverVersion: report.silverVersion } });
    },
    validated: ({ source, report, startMs, endMs }) => {
      checkRuns.inc({ source, verdict: report.verdict });
      for (const [severity, verdict] of [['fail', 'failed'], ['warn', 'warned']] as const) checksNotHeld.set({ source, severity }, report.results.filter((result) => result.verdict === verdict).length);
      for (const { suite, check, failing } of report.results) failingRows.set({ source, suite, check }, failing);
      for (const [what, count] of Object.entries(report.counts)) counted.set({ source, what }, count);
      traces?.record({ name: 'run checks', startMs, endMs, attributes: { source, run: report.run, verdict: report.verdict } });
    },
    failed: (source) => failures.inc({ source }),
  };
}
