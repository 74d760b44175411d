/** The first screen, against records changed by hand: every winner, factor and count in it is recomputed from the record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { answeredRecord, MODELLED_SECONDS } from '../testing/fixture-answer.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { sweepRecord } from '../testing/sweep-record.ts';
import { answerTable } from './answer-table.ts';
import { flushWorld } from './flush-world.ts';
import { renderReport } from './report.ts';
import { safetySection } from './safety-section.ts';
import { warningsOf } from './warnings.ts';

const text = (markup: string) =>
  markup
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\u202f\u00a0]/g, ' ')
    .replaceAll(/\s+/g, ' ');

/** The texts of the cells of each row, the head first. */
function rowsOf(record: RunRecord): string[][] {
  const { markup } = answerTable(record);
  const rows = markup.slice(markup.indexOf('<tbody')).split('</tr>');
  return rows
    .map((row) => [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, inner]) => text(inner!).trim()))
    .filter((row) => row.length > 0);
}

test('on each modelled storage the winner and all factors are those of the modelled times', () => {
  const rows = rowsOf(answeredRecord());
  const names = {
    'hdd-7200': '7200 rpm disk',
    'sata-ssd-no-plp': 'SATA SSD',
    'network-block': 'network',
    'nvme-plp': 'NVMe',
  };
  for (const [device, [first, ...others]] of Object.entries(MODELLED_SECONDS)) {
    const row = rows.find(([head]) => head?.startsWith(names[device as keyof typeof names]))!;
    others.forEach((seconds, index) => {
      const [factor, word] = seconds > first ? [seconds / first, 'slower'] : [first / seconds, 'faster'];
      const [shown = '', said] = row[index + 2]!.split('× ');
      assert.ok(Math.abs(Number(shown) - factor) < 0.006, `${device}: ${row[index + 2]}`);
      assert.equal(said, word, device);
    });
  }
  const best = [...answerTable(answeredRecord()).markup.matchAll(/class="num best" data-label="(\w+)"/g)].map(
    ([, name]) => name,
  );
  assert.deepEqual(best, ['writeback', 'writeback', 'writeback', 'writeback', 'legacy']);
});

test('this disk has its interval and pairs; a time that is not settled has no ratio', () => {
  assert.match(
    rowsOf(answeredRecord())[0]!.join(' | '),
    /\| 7\.0\d× slower 6\.\d+× – 7\.\d+×, 8 pairs \| 8\.3\d× faster 7\.\d+× – 8\.\d+×, 8 pairs$/,
  );
  const unsure = answeredRecord((record) => {
    for (const cell of record.cells) {
      delete cell.control;
      cell.rounds = cell.rounds.slice(0, 2);
    }
  });
  const [, , writethrough = '', writeback = ''] = rowsOf(unsure)[0]!;
  for (const cell of [writethrough, writeback]) assert.match(cell, /^not settled /);
});

test('syncs with and without work, and bytes as a multiple of what the guest wrote', () => {
  const rows = rowsOf(answeredRecord());
  assert.deepEqual(rows.find(([head]) => head?.startsWith('Syncs'))?.slice(1), [
    '2 925 / 2 925',
    '2 599 / 2 599',
    '19 / 18',
  ]);
  const record = answeredRecord();
  const [cell] = record.cells;
  const factor = cell!.exact!.writeBytes / cell!.exact!.guest.writeBytes;
  const written = rows.find(([head]) => head?.startsWith('Written'))!;
  assert.ok(written[1]!.endsWith(`, ${factor.toFixed(2)}×`), written[1]);
});

test('B3: a power cut during this workload stands apart from one during other operations, and what was explored is printed', () => {
  const rows = rowsOf(answeredRecord());
  const during = (what: string) => rows.find(([head]) => head?.startsWith(`Power cut during ${what}`))!;
  assert.match(during('this workload')[0]!, /the first 48 requests of this workload, on 4096-byte clusters/);
  assert.deepEqual(during('this workload').slice(1), ['3 932 states', '935 states', '7 704 states']);
  assert.deepEqual(during('other operations').slice(1), ['2 of 4 fail', '1 of 4 fail', '2 of 4 fail']);
  const section = text(safetySection(answeredRecord()).markup);
  assert.match(section, /snapshot-delete on a disk with a snapshot corrupt in 3 of 12 states/);
  assert.match(
    text(
      safetySection(
        fixtureRecord((record) =>
          record.cells.forEach((cell) => {
            cell.crash = null;
          }),
        ),
      ).markup,
    ),
    /not explored in this run/,
  );
});

test('an older record without the split, prices or safety has what it has', () => {
  const rows = rowsOf(fixtureRecord());
  assert.equal(rows[0]?.[0], 'this disk (ext4)');
  assert.deepEqual(rows.find(([head]) => head?.startsWith('Syncs'))?.slice(1), ['5 850', '5 198', '37']);
  assert.match(rows.at(-1)!.join(' | '), /\| fails, 41 000 states \| not explored \| 41 000 states$/);
  assert.equal(
    answerTable(
      fixtureRecord((record) => {
        record.cells = [];
      }),
    ).markup,
    '',
  );
});

test('where a sync means nothing there is a warning', () => {
  const tmpfs = (record: RunRecord) => {
    record.environment.fileSystem.tmpfs = true;
  };
  assert.match(
    warningsOf(fixtureRecord(tmpfs))[0]?.text ?? '',
    /^Times are not those of a real disk for any policy of this run: .*tmpfs/,
  );
  const unsafe = fixtureRecord((record) => {
    record.cells[2]!.hostCacheMode = 'unsafe';
  });
  assert.match(warningsOf(unsafe)[0]?.text ?? '', /for writeback: host cache mode unsafe/);
  assert.deepEqual(warningsOf(fixtureRecord()), []);
});

test('wrong data and unequal counts are the first warnings', () => {
  const warnings = warningsOf(
    fixtureRecord((record) => {
      record.source.dirty = true;
      record.cells[1]!.verification.content = 'different';
      record.cells[2]!.deterministic = false;
    }),
  );
  assert.deepEqual(
    warnings.map(({ severity }) => severity),
    ['bad', 'bad', 'warn'],
  );
  assert.match(warnings[0]?.text ?? '', /^writethrough: the guest’s data came back different/);
});

test('the world of guest flushes is named', () => {
  assert.match(flushWorld(fixtureRecord()), /\(guest flush: none\)/);
  const recorded = fixtureRecord((record) => {
    record.workload.guestFlush = 'recorded';
    record.cells[0]!.exact!.guest.flushes = 39_409;
  });
  assert.match(text(flushWorld(recorded)), /39 409 flushes are replayed as recorded/);
});

test('what there is none of is not spoken of as if there were some', () => {
  const world = (guestFlush: string, flushes: number, recordedFlushes?: number) =>
    flushWorld(
      fixtureRecord((record) => {
        record.workload.guestFlush = guestFlush;
        if (recordedFlushes !== undefined) record.workload.recordedFlushes = recordedFlushes;
        record.cells[0]!.exact!.guest.flushes = flushes;
      }),
    );
  assert.match(world('recorded', 0), /^The guest never flushes .*With a guest that flushes the ranking can/);
  assert.match(world('recorded', 1), /^The guest’s one flush is replayed as recorded/);
  assert.match(world('none', 1, 0), /at power-off \(guest flush: none\); the workload itself has no flush at all\.$/);
  assert.match(world('none', 1, 7), /With recorded flushes the ranking can reverse\.$/);
  assert.match(world('every:8', 0, 0), /^Guest flushes: every:8 \(none here: the guest writes less often than that\)/);
});

test('B4: a run on several devices speaks of devices, one on several images of images', async () => {
  const devices = answeredRecord((record) => {
    record.cells = ['hdd-7200', 'nvme-plp'].flatMap((name) =>
      record.cells.map((cell) => ({
        ...structuredClone(cell),
        id: `${cell.id}, on ${name}`,
        device: { kind: 'model' as const, name },
      })),
    );
  });
  const page = await renderReport(devices);
  assert.match(page, /3 policies on 2 devices/);
  assert.match(page, /<label for="policy-cost-group">Device</);
  assert.doesNotMatch(page, /On every image|on 2 images/);
  const images = await renderReport(sweepRecord([4, 64]));
  assert.match(images, /3 policies on 2 images/);
  assert.match(images, /<label for="answer-group">Image</);
});
