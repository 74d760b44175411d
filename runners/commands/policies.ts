/** `cowbench policies`: lists what can be compared. */
import type { CommandModule } from 'yargs';
import { policyPresets, STAGE_IDS, STAGES, type Stage } from '../../engine/index.ts';
import { column, wrapped } from '../console/columns.ts';
import { stdoutTerminal } from '../console/terminal.ts';

const WHY_RECOMMENDED =
  'fewest syncs for every kind of request, and clean after every explored power cut (docs/policies.md, docs/safety.md)';

export const policies: CommandModule<object, { json: boolean | undefined }> = {
  command: 'policies',
  describe: 'list the metadata cache policies and the stages of history',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 policies', 'names, presets and a one-line summary of each'),
  handler: ({ json }) => {
    const stages = STAGE_IDS.map((id) => STAGES[id]);
    if (json === true) {
      const policies = policyPresets().map(({ name, summary, stage = null, hostCacheMode, isRecommended = false }) => {
        return { name, summary, stage, hostCacheMode, isRecommended };
      });
      console.log(JSON.stringify({ policies, stages: stages.map(flat) }, null, 2));
      return;
    }
    console.log('Policies (--policy):');
    const { width } = stdoutTerminal();
    const print = (lines: readonly string[]) => console.log(lines.join('\n'));
    const presets = policyPresets().map(({ name, summary, hostCacheMode, isRecommended }) => {
      const advice = isRecommended ? ' (recommended)' : '';
      return [name, `${summary}; host cache mode ${hostCacheMode}${advice}`] as const;
    });
    print(column(presets, width));
    for (const { name, isRecommended } of policyPresets()) {
      if (isRecommended) print(['', ...wrapped(`${name} is recommended: ${WHY_RECOMMENDED}`, width)]);
    }
    console.log('\nStages of history (--stage):');
    const rows = stages.map(
      ({ id, history }) => [id, `${history!.date}  ${history!.title} (${history!.commit})`] as const,
    );
    print(column(rows, width));
  },
};

function flat({ id, history, behaviour }: Stage) {
  return { id, ...behaviour, ...history };
}
