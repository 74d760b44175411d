/**
 * A workload of one's own: a log that is appended to, with a flush after every record, and now and then read back.
 *
 *     cowbench bench --workload ./examples/log-workload.ts --records 500
 */
import {
  batched,
  countParameter,
  defineWorkload,
  type GuestRequest,
  noRequests,
  sizeParameter,
} from 'cowbench/workloads';

export default defineWorkload({
  name: 'log',
  title: 'a log, flushed after each record',
  parameters: {
    records: countParameter('records appended', 'records', 1000),
    recordBytes: sizeParameter('length of a record', 4096),
    readEvery: countParameter('the last record is read after every N records; 0: never', 'records', 100, 0),
  },
  plan({ records, recordBytes, readEvery }) {
    // The same parameters always give the same requests: counts repeat to the digit.
    function* requests(): Generator<GuestRequest> {
      yield { op: 'mark', text: 'append' };
      for (let record = 0; record < records; record++) {
        yield { op: 'write', offset: record * recordBytes, length: recordBytes };
        yield { op: 'flush' };
        if (readEvery > 0 && (record + 1) % readEvery === 0)
          yield { op: 'read', offset: record * recordBytes, length: recordBytes };
      }
    }
    return {
      diskSizeBytes: records * recordBytes,
      phases: ['append'],
      describe: () => `${records} records of ${recordBytes} bytes, a flush after each`,
      prepare: noRequests,
      requests: () => batched(requests()),
    };
  },
});
