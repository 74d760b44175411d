import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GiB, MiB } from '../engine/base/units.ts';
import { BLOCK_BYTES, BurstLayout, INODE_TABLE_BYTES } from './burst-layout.ts';

interface Extent {
  readonly what: string;
  readonly offset: number;
  readonly end: number;
}

function extentsOf(layout: BurstLayout): Extent[] {
  const extents: Extent[] = [];
  const add = (what: string, offset: number, length: number) => extents.push({ what, offset, end: offset + length });
  add('journal', layout.journalOffset, layout.journalBytes);
  add('superblock', layout.superblockOffset, 2 * BLOCK_BYTES);
  for (let group = 0; group < layout.groups; group++) {
    add(`block bitmap ${group}`, layout.blockBitmap(group), BLOCK_BYTES);
    add(`inode bitmap ${group}`, layout.inodeBitmap(group), BLOCK_BYTES);
    add(`inode table ${group}`, layout.inodeTable(group), INODE_TABLE_BYTES);
  }
  for (let turn = 0, chunk = layout.chunk(0); chunk !== undefined; chunk = layout.chunk(++turn)) {
    if (chunk.end > chunk.offset) add(`chunk ${turn}`, chunk.offset, chunk.end - chunk.offset);
  }
  return extents.sort((a, b) => a.offset - b.offset);
}

for (const sizeBytes of [512 * MiB, 640 * MiB, 3 * GiB, 17 * 128 * MiB, 40 * GiB]) {
  test(`on a disk of ${sizeBytes / MiB} MiB nothing overlaps, and most of it is for files`, () => {
    const extents = extentsOf(new BurstLayout(sizeBytes));
    for (const [index, extent] of extents.entries()) {
      const next = extents[index + 1];
      assert.ok(extent.end <= (next?.offset ?? sizeBytes), `${extent.what} reaches into ${next?.what ?? 'nothing'}`);
    }
    const chunks = extents.filter(({ what }) => what.startsWith('chunk'));
    const fileBytes = chunks.reduce((sum, { offset, end }) => sum + end - offset, 0);
    assert.ok(fileBytes > 0.8 * sizeBytes, `${fileBytes} of ${sizeBytes}`);
  });
}
