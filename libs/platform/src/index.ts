/*
 * Platform: everything that can fail because of the world. Three doors (event log, object store, experiment tracker) and the schema
 * registry, each an abstract class that states what callers rely on, with memory, file and deliberately unreliable implementations
 * and one contract suite in its folder; settings, clock, logging, metrics and the reading of log files stand beside them.
 * Invariants: it knows no domain; failures of the world are `PlatformError`s whose `outcome` says what is known; whatever resolved is
 * durable; networked clients are never imported by an embedded run.
 * Start at `event-log/event-log.ts`, then `event-log/file-event-log.ts`.
 */
export { isPlatformError, PlatformError, type Outcome, type PlatformErrorCode } from './errors.ts';
export { fileSystemError } from './file-system/file-system-error.ts';
export { doors, maskAddress, parseAddress, type Address, type AddressRules } from './address.ts';

export {
  EventLog,
  type Append,
  type AssignmentListener,
  type CommittedOffset,
  type GroupMember,
  type HeaderColumn,
  type LogWriter,
  type OffsetCommit,
  type PackedRecords,
  type ReadOptions,
  type RecordBatch,
  type TopicDescription,
  type TopicSettings,
  type Transaction,
} from './event-log/event-log.ts';
export { FileEventLog, type FileEventLogOptions } from './event-log/file-event-log.ts';
export { MemoryEventLog } from './event-log/memory-event-log.ts';
export { UnreliableEventLog } from './event-log/unreliable-event-log.ts';
export { openEventLog } from './event-log/open-event-log.ts';
export { packTexts, unpackTexts, type TextRecord } from './event-log/text-records.ts';
export { Faults, type FaultChances } from './faults/faults.ts';

export { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from './object-store/object-store.ts';
export { FileObjectStore } from './object-store/file-object-store.ts';
export { MemoryObjectStore } from './object-store/memory-object-store.ts';
export { UnreliableObjectStore } from './object-store/unreliable-object-store.ts';
export { openObjectStore } from './object-store/open-object-store.ts';

export {
  ExperimentTracker,
  type Experiment,
  type Metric,
  type ModelVersion,
  type Run,
  type RunData,
  type RunStatus,
} from './experiment-tracker/experiment-tracker.ts';
export { FileExperimentTracker } from './experiment-tracker/file-experiment-tracker.ts';
export { MemoryExperimentTracker } from './experiment-tracker/memory-experiment-tracker.ts';
export { UnreliableExperimentTracker } from './experiment-tracker/unreliable-experiment-tracker.ts';
export { openExperimentTracker } from './experiment-tracker/open-experiment-tracker.ts';
export {
  pushExperiments,
  type PushedAlias,
  type PushedRuns,
  type PushedVersion,
  type PushOptions,
  type PushProgress,
  type PushReport,
} from './experiment-tracker/push-experiments.ts';

export { SchemaRegistry } from './schema-registry/schema-registry.ts';
export { FileSchemaRegistry } from './schema-registry/file-schema-registry.ts';
export { UnreliableSchemaRegistry } from './schema-registry/unreliable-schema-registry.ts';
export { MemorySchemaRegistry } from './schema-registry/memory-schema-registry.ts';
export { openSchemaRegistry } from './schema-registry/open-schema-registry.ts';

export { lockExclusively, lockWhenFree, type FileLock } from './file-lock/file-lock.ts';
export { Clock, ManualClock, SystemClock } from './clock/clock.ts';
export { describeSkew, measureSkew, type ClockSkew } from './clock/server-clock.ts';
export {
  isLoopback,
  loadConfiguration,
  operationsPortSettings,
  printableConfiguration,
  readConfiguration,
  settingNames,
  type Login,
  type Logins,
  type ApiKey,
  type ApiRole,
  type AppName,
  type Configuration,
  type Environment,
} from './configuration/configuration.ts';
export { nearestName } from './configuration/nearest-name.ts';
export { createLogger, frameworkLogger, secretsOf, type Logger, type LoggerOptions } from './telemetry/logger.ts';
export { Metrics } from './telemetry/metrics.ts';
export { Liveness, type Pulse } from './telemetry/liveness.ts';
export { serveOperations, type OperationsOptions, type OperationsServer, type ReadinessCheck } from './telemetry/operations-server.ts';
export { openTraces, type SpanFacts, type Traces } from './telemetry/traces.ts';
export { watchDoor } from './telemetry/watch-door.ts';
export { openLogFile, type LogFile } from './log-file/open-log-file.ts';
export type { Continuation, FileIdentity } from './log-file/file-identity.ts';
export type { Wrapping } from './log-file/unwrap.ts';
export { readTextFolders, type TextFolder } from './text-files/read-text-folders.ts';
export { openGpuDevice, type GpuDeviceOptions } from './compute/gpu-device.ts';
export { readKernelModule } from './compute/kernel-module.ts';
export { WorkerThreadsPool } from './compute/worker-threads-pool.ts';
export { Doors, type DoorName, type OpenDoors } from './process/doors.ts';
export { EXIT_HOPELESS, runApp, type AppProgram, type AppRuntime } from './process/run-app.ts';
export { endProcessWith } from './process/end-process.ts';
export { openDoors } from './process/open-doors.ts';
export { stopRequest } from './process/stop-request.ts';
