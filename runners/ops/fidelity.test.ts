/** Every count of the reference, at every stage and in both modes, is reproduced exactly. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageId } from '../../engine/index.ts';
import type { OpsResult } from './result.ts';
import { runOps } from './run.ts';
import {
  inFastDirectory,
  RECORDED_MODES,
  type ReferenceRow,
  referenceRows,
  referenceScript,
  referenceStart,
} from './testing/reference.ts';

/** Its header names a backing file, whose path the reference's hash depends on. */
const HASH_DEPENDS_ON_PATH = '07-backing';
const LEAST_ROWS = 130;
const LEAST_ROWS_WITH_ROLES = 100;

function runRow(row: Pick<ReferenceRow, 'script' | 'mode'>, stage: string, directory: string): Promise<OpsResult> {
  const script = referenceScript(row.script);
  return runOps(script, {
    stage: stage as StageId,
    cache: row.mode,
    directory,
    start: referenceStart(script),
  });
}

/**
 * The reference derived what a write touches from the final image, so a cluster that was freed or reused on the way has no role
 * there; the roles of such a row are not compared.
 */
function hasAllRoles(row: ReferenceRow): boolean {
  return !['freed', 'ambiguous'].some((unknown) => unknown in row.writes_by_role);
}

/** Flat `field: value` pairs, so that a difference names its field. */
function facts(row: ReferenceRow | OpsResult, withRoles: boolean): Map<string, unknown> {
  const { script, stage: _, mode: _mode, ...rest } = row;
  const flat = new Map<string, unknown>();
  for (const [field, value] of Object.entries(rest)) {
    if (field === 'image_sha1' && script === HASH_DEPENDS_ON_PATH) continue;
    if (field.endsWith('_by_role') && !withRoles) continue;
    if (typeof value !== 'object') flat.set(field, value);
    else flatten(field, value as object, flat);
  }
  return flat;
}

function flatten(prefix: string, value: object, flat: Map<string, unknown>): void {
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === 'object') flatten(`${prefix}.${key}`, inner as object, flat);
    else flat.set(`${prefix}.${key}`, inner);
  }
}

/** A line for each field in which the two differ. */
function differences(title: string, found: OpsResult, wanted: ReferenceRow): string[] {
  const withRoles = hasAllRoles(wanted);
  const [ours, theirs] = [facts(found, withRoles), facts(wanted, withRoles)];
  const fields = new Set([...ours.keys(), ...theirs.keys()]);
  return [...fields].flatMap((field) => {
    const [is, wants] = [ours.get(field) ?? 0, theirs.get(field) ?? 0];
    return is === wants ? [] : [`${title.padEnd(34)} ${field.padEnd(28)} found ${is}, reference ${wants}`];
  });
}

test('all reference counts are reproduced', async () => {
  const rows = referenceRows();
  assert.ok(rows.length >= LEAST_ROWS, `${rows.length} rows in the reference`);
  const table: string[] = [];
  let compared = 0;
  let comparedWithRoles = 0;
  await inFastDirectory(async (directory) => {
    for (const row of rows) {
      const found = await runRow(row, row.stage, directory);
      assert.ok(facts(row, false).size >= 8, `${row.script}: the reference row has its fields`);
      table.push(...differences(`${row.script} ${row.stage} ${row.mode}`, found, row));
      compared++;
      if (hasAllRoles(row)) comparedWithRoles++;
    }
  });
  assert.ok(compared >= LEAST_ROWS, `${compared} rows compared`);
  assert.ok(comparedWithRoles >= LEAST_ROWS_WITH_ROLES, `${comparedWithRoles} rows compared with roles`);
  assert.equal(table.length, 0, `${table.length} differences:\n${table.join('\n')}`);
});

test('S3 does what S2 does', async () => {
  const scripts = [...new Set(referenceRows().map(({ script }) => script))];
  assert.ok(scripts.length >= 13);
  const table: string[] = [];
  await inFastDirectory(async (directory) => {
    for (const script of scripts) {
      for (const mode of RECORDED_MODES) {
        const [found, wanted] = [await runRow({ script, mode }, 'S3', directory), row(script, mode)];
        table.push(...differences(`${script} S3 ${mode}`, found, wanted));
      }
    }
  });
  assert.equal(table.length, 0, table.join('\n'));
});

function row(script: string, mode: string): ReferenceRow {
  const found = referenceRows().find((one) => one.script === script && one.stage === 'S2' && one.mode === mode);
  assert.ok(found !== undefined, `${script} S2 ${mode} is in the reference`);
  return found;
}
