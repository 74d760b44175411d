/** FIXTURE: a record whose every label tries to break out of the page, for tests. */
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from './fixture-record.ts';

export const HOSTILE = {
  markup: '</script><img src=x onerror="globalThis.hit=1">',
  ansi: '\u001b[31mred\u001b[0m',
  rightToLeft: 'left\u202ethgir\u2066',
} as const;

const ALL = `${HOSTILE.markup}${HOSTILE.ansi}${HOSTILE.rightToLeft}`;

export function hostileRecord(): RunRecord {
  return fixtureRecord((record) => {
    record.workload.title = ALL;
    record.workload.guestFlush = ALL;
    record.environment.warnings = [ALL];
    record.environment.cpu = `${ALL}{{expression}}`;
    record.command = ['bench', '--dir', `a'b ${ALL}`];
    record.failure = ALL;
    record.status = 'interrupted';
    record.cells.forEach((cell, index) => {
      cell.policy.name = `${ALL}${index}`;
      cell.verification.detail = ALL;
      if (cell.exact !== null) {
        cell.exact.byKind[ALL] = { writes: 3, writeBytes: 4, reads: 5, readBytes: 6 };
        cell.exact.syncsByTrigger[ALL] = { [ALL]: 7, constructor: 8 };
      }
      if (cell.crash !== null) cell.crash = { ...cell.crash, story: [ALL], violations: { [ALL]: 1 } };
      for (const cascade of cell.cascades) {
        cascade.title = ALL;
        for (const event of cascade.events) event.what = ALL;
      }
      cell.fileMap?.cells.push([0, 0, ALL, 4096]);
    });
  });
}
