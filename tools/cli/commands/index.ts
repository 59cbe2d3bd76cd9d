import type { Command } from 'commander';
import type { Runner } from '../context.ts';
import { addBuild } from './build.ts';
import { addCompare } from './compare.ts';
import { addDoctor } from './doctor.ts';
import { addExperiments } from './experiments.ts';
import { addExport } from './export.ts';
import { addGenerate } from './generate.ts';
import { addInspect } from './inspect.ts';
import { addLake } from './lake.ts';
import { addModels } from './models.ts';
import { addProve } from './prove.ts';
import { addReplay } from './replay.ts';
import { addScores } from './scores.ts';
import { addSources } from './sources.ts';
import { addStart } from './start.ts';
import { addTopics } from './topics.ts';
import { addTrain } from './train.ts';
import { addValidate } from './validate.ts';
import { addVerify } from './verify.ts';

/** Every command, in the order in which a newcomer meets them. */
export function addCommands(program: Command, run: Runner): void {
  for (const add of [addStart, addSources, addGenerate, addInspect, addReplay, addTopics, addScores, addLake, addBuild, addValidate, addTrain, addCompare, addModels, addExport, addExperiments, addVerify, addProve, addDoctor]) {
    add(program, run);
  }
}
