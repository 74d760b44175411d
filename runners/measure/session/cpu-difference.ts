/** The profiled replays of two sides as one tree of call paths, with what each takes on either side. */
import { judgeShares, type PathShares } from '../../../results/cpu-difference.ts';
import type { CpuDifference } from '../../../results/record.ts';
import { addCalls, type CpuProfile, emptyTree, type Frame, LEAST_SHARE, MOST_DEPTH } from './cpu-stacks.ts';

/** The replays of one side, and the folder of its program. */
export interface ProfiledSide {
  readonly profiles: readonly CpuProfile[];
  readonly root: string;
}

interface Path extends PathShares {
  readonly frame: Frame;
  readonly depth: number;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Both sides have equally many replays. */
export function differenceOf(base: ProfiledSide, head: ProfiledSide): Omit<CpuDifference, 'baseline'> {
  const whole = emptyTree();
  const replays = [base, head].map(({ profiles, root }) =>
    profiles.map((profile) => {
      const tree = emptyTree();
      for (const into of [tree, whole]) addCalls(into, profile, root, true);
      return tree;
    }),
  ) as [Frame[], Frame[]];
  const paths = pathsOf(whole, replays, 0);
  const verdicts = judgeShares(paths);
  return {
    replays: base.profiles.length,
    frames: paths.map(({ frame: { name, place, part }, depth, base: before, head: after }, index) => ({
      ...{ depth, name, place, part, base: mean(before), head: mean(after), verdict: verdicts[index]! },
    })),
  };
}

/** What `caller` calls, the largest first, each with all that it calls in turn; `replays` have the same caller by side and replay. */
function pathsOf(caller: Frame, replays: Callers, depth: number, tops = replays): Path[] {
  if (depth >= MOST_DEPTH) return [];
  return [...caller.callees.values()]
    .sort((a, b) => b.totalUs - a.totalUs)
    .flatMap((frame) => {
      const calleesOf = (side: Callers[number]) => side.map((one) => one?.callees.get(frame.key));
      const called: Callers = [calleesOf(replays[0]), calleesOf(replays[1])];
      const [base, head] = called.map((side, index) =>
        side.map((one, replay) => (one?.totalUs ?? 0) / Math.max(1, tops[index]![replay]!.totalUs)),
      ) as [number[], number[]];
      if (Math.max(mean(base), mean(head)) < LEAST_SHARE) return [];
      return [{ frame, depth, base, head }, ...pathsOf(frame, called, depth + 1, tops)];
    });
}

type Callers = readonly [base: readonly (Frame | undefined)[], head: readonly (Frame | undefined)[]];
