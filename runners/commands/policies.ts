/** `cowbench policies`: lists what can be compared. */
import type { CommandModule } from 'yargs';
import { POLICIES, STAGE_IDS, STAGES } from '../../engine/index.ts';

export const policies: CommandModule<object, { json: boolean | undefined }> = {
  command: 'policies',
  describe: 'list the metadata cache policies and the stages of history',
  builder: (yargs) =>
    yargs
      .option('json', { type: 'boolean', describe: 'print one JSON object' })
      .example('$0 policies', 'names, presets and a one-line summary of each'),
  handler: ({ json }) => {
    if (json === true) {
      const presets = Object.values(POLICIES).map(({ create: _, ...preset }) => preset);
      console.log(JSON.stringify({ policies: presets, stages: STAGE_IDS.map((id) => STAGES[id]) }, null, 2));
      return;
    }
    console.log('Policies (--policy):');
    for (const { name, summary, hostCacheMode } of Object.values(POLICIES)) {
      console.log(`  ${name.padEnd(14)}${summary}; host cache mode ${hostCacheMode}`);
    }
    console.log('\nStages of history (--stage):');
    for (const { id, date, commit, title } of STAGE_IDS.map((id) => STAGES[id])) {
      console.log(`  ${id.padEnd(14)}${date.padEnd(12)}${title} (${commit})`);
    }
  },
};
