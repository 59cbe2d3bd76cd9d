import { PlatformError } from '../../errors.ts';

/** Kafka's error codes that something is done about; the names are Kafka's own. */
export const kafkaCodes = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  NOT_CONTROLLER: 41,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
  PRODUCER_FENCED: 90,
  TRANSACTIONAL_ID_NOT_FOUND: 105,
} as const;

export type KafkaCode = keyof typeof kafkaCodes;

const namesByCode = new Map<number, string>(Object.entries(kafkaCodes).map(([name, code]) => [code, name]));

/** Kafka answered, and the answer is no. */
export class KafkaRefusal extends Error {
  readonly code: number;

  constructor(code: number, what: string, detail?: string | null) {
    super(`${what}: Kafka says ${namesByCode.get(code) ?? `error ${code}`}${detail ? ` (${detail})` : ''}`);
    this.name = 'KafkaRefusal';
    this.code = code;
  }
}

/** Whether an error is a refusal with one of these names. */
export function isRefusal(error: unknown, ...names: readonly KafkaCode[]): error is KafkaRefusal {
  return error instanceof KafkaRefusal && names.some((name) => kafkaCodes[name] === error.code);
}

/** Whoever was asked does not lead the partition, or does not coordinate, any more. */
export function isStale(error: unknown): boolean {
  return isRefusal(
    error, 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_OR_FOLLOWER', 'REPLICA_NOT_AVAILABLE', 'NOT_COORDINATOR', 'NOT_CONTROLLER',
    'COORDINATOR_NOT_AVAILABLE', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'KAFKA_STORAGE_ERROR',
  );
}

/** The connection failed or nobody answered: what kafkajs throws is told by its name. */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const names = ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'KafkaJSLockTimeout', 'KafkaJSNonRetriableError'];
  return names.includes(error.name) && !isLoginFailure(error);
}

export function isLoginFailure(error: unknown): boolean {
  return error instanceof Error && (error.name === 'KafkaJSSASLAuthenticationError' || /SASL|authenticat/i.test(error.message));
}

/** Waiting may cure it. */
export function isPassing(error: unknown): boolean {
  return (
    isConnectionFailure(error) || isStale(error) ||
    isRefusal(
      error, 'REQUEST_TIMED_OUT', 'NETWORK_EXCEPTION', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
      'CONCURRENT_TRANSACTIONS', 'OFFSET_NOT_AVAILABLE', 'UNSTABLE_OFFSET_COMMIT',
    )
  );
}

const isDenied = (error: unknown): boolean =>
  isRefusal(error, 'TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');

/** The failure as callers of the door know it; `shown` is the address. Errors of our own pass through. */
export function platformErrorOf(error: unknown, what: string, shown: string): unknown {
  if (error instanceof PlatformError || !(error instanceof Error)) return error;
  const at = `EVENT_LOG ${shown}: ${what}`;
  if (isLoginFailure(error)) {
    return new PlatformError('PERMISSION', `${at}: expected the login to be accepted, found: ${error.message}; check KAFKA_USERNAME, KAFKA_PASSWORD and the address's sasl`, { cause: error });
  }
  if (isDenied(error)) return new PlatformError('PERMISSION', `${at}: ${error.message}; give this user the rights it needs (docs/kafka.md)`, { cause: error });
  if (isRefusal(error, 'MESSAGE_TOO_LARGE')) return new PlatformError('TOO_LARGE', `${at}: ${error.message}; raise max.message.bytes of the topic`, { cause: error });
  if (isRefusal(error, 'INVALID_RECORD')) return new PlatformError('VERSION_MISMATCH', `${at}: ${error.message}; a topic that is compacted needs a key in every record`, { cause: error });
  if (isRefusal(error, 'UNSUPPORTED_VERSION')) return new PlatformError('VERSION_MISMATCH', `${at}: ${error.message}; Kafka 3.0 or newer is needed`, { cause: error });
  if (isRefusal(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return new PlatformError('NOT_FOUND', `${at}: ${error.message}`, { cause: error });
  if (isPassing(error)) {
    return new PlatformError('UNAVAILABLE', `${at}: ${error.message}; look whether the brokers run and can be reached`, { retriable: true, cause: error });
  }
  if (error instanceof KafkaRefusal || error.name.startsWith('KafkaJS')) return new PlatformError('UNAVAILABLE', `${at}: ${error.message}`, { cause: error });
  return error;
}
