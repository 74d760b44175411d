/** `boot`: the recorded first boot of the installed system, to the login prompt and off again. */
import { installedDisk, RECORDED_DISK_BYTES, recordedTrace } from './recorded-trace.ts';
import { defineWorkload } from './workload.ts';

export const boot = defineWorkload({
  name: 'boot',
  title: 'Debian 12 first boot (recorded)',
  parameters: {},
  plan() {
    const trace = recordedTrace('debian-first-boot');
    return {
      ...trace,
      diskSizeBytes: RECORDED_DISK_BYTES,
      describe: () =>
        `the recorded first boot of the disk that the recorded installation left: ${trace.totalRequests} requests`,
      prepare: () => installedDisk({ op: 'reopen' }),
    };
  },
});
