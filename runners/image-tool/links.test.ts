/** Relative names in images that are reached through symbolic links start where QEMU starts them. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openFile, openImage } from '../../engine/index.ts';
import { ImageSession } from './testing/image-session.ts';

/** A raw disk of 64 KiB that begins with `text`. */
function raw(session: ImageSession, name: string, text: string): void {
  const bytes = Buffer.alloc(65536);
  bytes.write(text);
  fs.mkdirSync(path.dirname(session.file(name)), { recursive: true });
  fs.writeFileSync(session.file(name), bytes);
}

/** Moves `name` to `place` and leaves a link to it. */
function moveAndLink(session: ImageSession, name: string, place: string): void {
  fs.renameSync(session.file(name), session.file(place));
  fs.symlinkSync(path.relative(path.dirname(session.file(name)), session.file(place)), session.file(name));
}

/** What both tools read at the start of the disk. */
async function beginning(session: ImageSession, image: string): Promise<{ ours: string; qemus: string }> {
  const text = (name: string) => fs.readFileSync(session.file(name)).toString('latin1', 0, 16).replaceAll('\0', '');
  await session.done('convert', '-O', 'raw', '--allow-folder', '@', `@${image}`, '@ours.raw');
  session.qemuDone('convert', '-O', 'raw', `@${image}`, '@qemus.raw');
  return { ours: text('ours.raw'), qemus: text('qemus.raw') };
}

const overlay = (session: ImageSession, name: string, base: string) =>
  session.done('create', '-q', '-f', 'qcow2', '-b', base, '-F', base.endsWith('raw') ? 'raw' : 'qcow2', `@${name}`);

test('a link to the image: the base beside the link, though the folder of the image has one of that name, too', async () => {
  using session = new ImageSession();
  raw(session, 'base.raw', 'beside the link');
  raw(session, 'store/base.raw', 'another');
  await overlay(session, 'a.qcow2', 'base.raw');
  moveAndLink(session, 'a.qcow2', 'store/x.qcow2');
  assert.deepEqual(await beginning(session, 'a.qcow2'), { ours: 'beside the link', qemus: 'beside the link' });
  assert.equal(await session.done('convert', '-O', 'raw', '--allow-backing', '@a.qcow2', '@plain.raw'), '');
});

test('links in the middle of the chain count, too', async () => {
  using session = new ImageSession();
  raw(session, 'base.raw', 'beside the link');
  raw(session, 'store/base.raw', 'another');
  await overlay(session, 'middle.qcow2', 'base.raw');
  moveAndLink(session, 'middle.qcow2', 'store/m.qcow2');
  await overlay(session, 'top.qcow2', 'middle.qcow2');
  assert.deepEqual(await beginning(session, 'top.qcow2'), { ours: 'beside the link', qemus: 'beside the link' });
});

test('a folder that is a link: `..` in a name leads out of the folder that it leads to', async () => {
  using session = new ImageSession();
  raw(session, 'base.raw', 'beside the link');
  raw(session, 'deep/base.raw', 'above the folder');
  fs.mkdirSync(session.file('deep/store'));
  fs.symlinkSync('deep/store', session.file('link'));
  await overlay(session, 'link/a.qcow2', '../base.raw');
  assert.deepEqual(await beginning(session, 'link/a.qcow2'), { ours: 'above the folder', qemus: 'above the folder' });
});

test('the external data file is beside the link, for reading and for writing', async () => {
  using session = new ImageSession();
  fs.mkdirSync(session.file('store'));
  await session.done('create', '-q', '-f', 'qcow2', '-o', 'data_file=data.raw', '@a.qcow2', '64k');
  moveAndLink(session, 'a.qcow2', 'store/x.qcow2');
  raw(session, 'store/data.raw', 'another');
  raw(session, 'in.raw', 'beside the link');
  await session.done('convert', '-n', '-O', 'qcow2', '--allow-folder', '@', '@in.raw', '@a.qcow2');
  assert.deepEqual(await beginning(session, 'a.qcow2'), { ours: 'beside the link', qemus: 'beside the link' });
  assert.equal(fs.readFileSync(session.file('store/data.raw')).toString('latin1', 0, 7), 'another');
});

test('info names the file as qemu-img does', async () => {
  using session = new ImageSession();
  raw(session, 'store/base.raw', '');
  fs.symlinkSync('store', session.file('link'));
  await overlay(session, 'link/a.qcow2', 'base.raw');
  const backing = (text: string) => /^backing file: .*$/m.exec(text)?.[0];
  const ours = backing(await session.done('info', '@link/a.qcow2'));
  assert.equal(ours, `backing file: base.raw (actual path: ${session.file('link/base.raw')})`);
  assert.equal(ours, backing(session.qemuDone('info', '@link/a.qcow2')));
});

test('a new image under a link that leads to nothing yet is made where the link leads', async () => {
  using session = new ImageSession();
  fs.mkdirSync(session.file('store'));
  fs.symlinkSync('store/new.qcow2', session.file('a.qcow2'));
  await session.done('create', '-q', '-f', 'qcow2', '@a.qcow2', '1M');
  assert.ok(fs.lstatSync(session.file('a.qcow2')).isSymbolicLink());
  assert.equal(openImage(openFile(session.file('store/new.qcow2'))).sizeBytes, 1_048_576);
});
