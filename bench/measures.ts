/** One measured figure with what was asked of it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The least that will do. */
  readonly floor?: number;
  /** What the project is for. */
  readonly aim?: number;
  readonly lowerIsBetter?: boolean;
}

/** A thing to measure: the program in this folder that does it, in a process of its own. */
export interface Measure {
  readonly name: string;
  readonly program: string;
  /** Measured only where `TIDELINE_SERVICES` says where Kafka and the others are. */
  readonly onServers?: boolean;
  /** Takes many minutes, so a run of everything leaves it out. */
  readonly onlyWhenNamed?: boolean;
}

export const measures: readonly Measure[] = [
  { name: 'generate', program: 'generate' },
  { name: 'parse', program: 'parse' },
  { name: 'replay', program: 'replay' },
  { name: 'lake', program: 'lake' },
  { name: 'state', program: 'state' },
  { name: 'speed-layer', program: 'speed-layer' },
  { name: 'serving', program: 'serving' },
  { name: 'learning', program: 'learning', onlyWhenNamed: true },
  { name: 'kafka', program: 'kafka', onServers: true },
  { name: 'kafka-speed-layer', program: 'speed-layer', onServers: true },
];
