/** `install`: the recorded installation of Debian 12, blank disk to finished system. */
import { noRequests } from './batches.ts';
import { RECORDED_DISK_BYTES, recordedTrace } from './recorded-trace.ts';
import { defineWorkload } from './workload.ts';

export const install = defineWorkload({
  name: 'install',
  title: 'Debian 12 installation (recorded)',
  parameters: {},
  plan() {
    const trace = recordedTrace('debian-install');
    return {
      ...trace,
      diskSizeBytes: RECORDED_DISK_BYTES,
      describe: () =>
        `a recorded Debian 12 installation onto a blank disk of 6 GiB: ${trace.totalRequests} requests of a real guest`,
      prepare: noRequests,
    };
  },
});
