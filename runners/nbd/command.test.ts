import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filled, formatOfCommand, programOf } from './command.ts';

test('a command says where its socket and its image go, and in which format', () => {
  assert.equal(formatOfCommand('qemu-nbd -k {socket} {image}'), 'qcow2');
  assert.equal(formatOfCommand('qemu-nbd -k {socket} -f vmdk {image:vmdk}'), 'vmdk');
  assert.throws(() => formatOfCommand('qemu-nbd {image}'), /"qemu-nbd \{image\}" has no \{socket\}/);
  assert.throws(() => formatOfCommand('nbdkit -U {socket} null'), /has no \{image\}/);
  assert.throws(() => formatOfCommand('a {socket} {image:bochs}'), /\{image:bochs\}: expected qcow2, raw, vmdk/);
  assert.throws(() => formatOfCommand('a {socket} {image:raw} {image}'), /images of several formats/);
});

test('what a shell would take apart is quoted, and nothing else', () => {
  const places = { socket: '/tmp/a b/socket', image: '/tmp/x/image' };
  assert.equal(filled('a {socket} {image:raw} {image}', places), "a '/tmp/a b/socket' /tmp/x/image /tmp/x/image");
});

test('the program of a command is its first word', () => {
  assert.equal(programOf('/opt/a/bin/qemu-nbd -k {socket} {image}'), 'qemu-nbd');
  assert.equal(programOf('LD_PRELOAD=./x.so exec "./my server" {image}'), 'my');
});
