/** All questions, in the order in which the page asks them. To add a chart, write its file and name it here. */
import type { Question } from '../charts/question.ts';
import { costModel } from './cost-model.ts';
import { countsByKind } from './counts-by-kind.ts';
import { cpuDifference } from './cpu-difference.ts';
import { cpuFlame } from './cpu-flame.ts';
import { deviceCost } from './device-cost.ts';
import { fileMap } from './file-map.ts';
import { latencyOverTime } from './latency-over-time.ts';
import { latencyTail } from './latency-tail.ts';
import { matrix } from './matrix.ts';
import { policyCost } from './policy-cost.ts';
import { rawMultiples } from './raw-multiples.ts';
import { storageTimes } from './storage-times.ts';
import { sweep } from './sweep.ts';
import { syncCascade } from './sync-cascade.ts';
import { syncReasons } from './sync-reasons.ts';

export const QUESTIONS: readonly Question[] = [
  storageTimes,
  policyCost,
  matrix,
  rawMultiples,
  sweep,
  syncReasons,
  deviceCost,
  countsByKind,
  costModel,
  cpuDifference,
  cpuFlame,
  latencyTail,
  latencyOverTime,
  syncCascade,
  fileMap,
];
