/** `cowbench policies`: lists what can be compared. */
import type { CommandModule } from 'yargs';
import { policyPresets, STAGE_IDS, STAGES, type Stage } from '../../engine/index.ts';

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
    for (const { name, summary, hostCacheMode, isRecommended } of policyPresets()) {
      const advice = isRecommended ? ' (recommended)' : '';
      console.log(`  ${name.padEnd(14)}${summary}; host cache mode ${hostCacheMode}${advice}`);
    }
    for (const { name, isRecommended } of policyPresets()) {
      if (isRecommended) console.log(`\n${name} is recommended: ${WHY_RECOMMENDED}`);
    }
    console.log('\nStages of history (--stage):');
    for (const { id, history } of stages) {
      console.log(`  ${id.padEnd(14)}${history!.date.padEnd(12)}${history!.title} (${history!.commit})`);
    }
  },
};

function flat({ id, history, behaviour }: Stage) {
  return { id, ...behaviour, ...history };
}
