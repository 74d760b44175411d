/** `upgrade`: the recorded upgrade, after a snapshot of the installed disk, so that every first write is a copy. */
import { installedDisk, RECORDED_DISK_BYTES, recordedTrace } from './recorded-trace.ts';
import { defineWorkload } from './workload.ts';

export const upgrade = defineWorkload({
  name: 'upgrade',
  title: 'Debian 12 upgrade after a snapshot (recorded)',
  parameters: {},
  plan() {
    const trace = recordedTrace('debian-upgrade');
    return {
      ...trace,
      diskSizeBytes: RECORDED_DISK_BYTES,
      describe: () =>
        `the recorded boot, upgrade and fstrim of the installed disk, after an internal snapshot of it: ${trace.totalRequests} requests`,
      prepare: () => installedDisk({ op: 'snapshot-create', name: 'installed' }, { op: 'reopen' }),
    };
  },
});
