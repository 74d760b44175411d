/** Commands that do not do what a server must: one line says so, and no process and no file is left. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { startProgram } from '../testing/command.ts';
import { ServerProcess } from './server-process.ts';
import { NbdSession } from './session.ts';

/** An argument that only the commands of this test have, to find what is left of them. */
const mark = (folder: string) => path.basename(folder);

async function inFolder(work: (folder: string, imagePath: string) => Promise<void>): Promise<void> {
  // In a folder for temporary files of its own: what is left of the server's would be seen.
  const before = process.env.TMPDIR;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  const temporary = path.join(folder, 'tmp');
  fs.mkdirSync(temporary);
  process.env.TMPDIR = temporary;
  try {
    const imagePath = path.join(folder, 'disk.raw');
    fs.writeFileSync(imagePath, new Uint8Array(1 << 20));
    await work(folder, imagePath);
    assert.deepEqual(fs.readdirSync(temporary), []);
    assert.deepEqual(processesNaming(mark(folder)), []);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    fs.rmSync(folder, { recursive: true });
  }
}

function processesNaming(word: string): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes(word) && !/^ *\d+ Z/.test(line));
}

const raw = (folder: string, rest = '') =>
  `qemu-nbd -k {socket} -f raw --description=${mark(folder)} {image:raw}${rest}`;

test('a command that never listens, and one that ends, are refused in one line', () =>
  inFolder(async (folder, imagePath) => {
    const start = (command: string) =>
      ServerProcess.start({ name: 'x', command, imagePath, traced: false, patienceMs: { start: 300 } });
    await assert.rejects(start(`: ${mark(folder)} {socket} {image}; sleep 30 & wait`), {
      name: 'UsageError',
      message: '--engine x: it does not listen on {socket} after 0.3 s',
    });
    await assert.rejects(start('echo no such thing >&2; exit 7 # {socket} {image}'), {
      name: 'UsageError',
      message: '--engine x: it ended before it listened on {socket} (exit code 7): no such thing',
    });
    await assert.rejects(start('qemu-nbd -r -k {socket} -f raw {image:raw}'), /it serves the image read-only/);
  }));

test('signals while an answer is awaited do not end the session', () =>
  inFolder(async (folder, imagePath) => {
    const command = `nbdkit -f -U {socket} --filter=delay file {image:raw} delay-write=300ms # ${mark(folder)}`;
    const session = await NbdSession.open({ name: 'x', command, imagePath, traced: false });
    const heard = () => {};
    process.on('SIGWINCH', heard);
    const signals = spawn('sh', ['-c', `while kill -WINCH ${process.pid}; do sleep 0.02; done`]);
    try {
      const request = { op: 'write', offset: 0, length: 512 } as const;
      await session.execute([{ request, bytes: new Uint8Array(512).fill(7) }], () => {});
      await session.end();
      assert.equal(fs.readFileSync(imagePath)[511], 7);
    } finally {
      signals.kill('SIGKILL');
      await session.kill();
      process.off('SIGWINCH', heard);
    }
  }));

test('a server that dies in the middle is an error of the request', () =>
  inFolder(async (folder, imagePath) => {
    const command = raw(folder, ' & server=$!; sleep 0.2; kill -9 $server; wait $server; echo killed >&2; exit 9');
    const session = await NbdSession.open({ name: 'x', command, imagePath, traced: false });
    const request = { op: 'write', offset: 0, length: 512 } as const;
    const bytes = new Uint8Array(512);
    const untilItFails = async () => {
      for (;;) await session.execute([{ request, bytes }], () => {});
    };
    await assert.rejects(untilItFails(), {
      name: 'Qcow2Error',
      message: 'x: the server closed the connection (exit code 9): killed',
    });
    await session.kill();
  }));

test('what a server is asked reaches its file, and its system calls are seen', () =>
  inFolder(async (folder, imagePath) => {
    const session = await NbdSession.open({ name: 'x', command: raw(folder), imagePath, traced: true });
    assert.equal(session.sizeBytes, 1 << 20);
    const data = new Uint8Array(4096).fill(7);
    const served: string[] = [];
    await session.execute(
      [
        { request: { op: 'write', offset: 8192, length: 4096 }, bytes: data },
        { request: { op: 'flush' }, bytes: new Uint8Array(0) },
        { request: { op: 'write-zeroes', offset: 8192, length: 512, mayUnmap: false }, bytes: new Uint8Array(0) },
        { request: { op: 'read', offset: 8192, length: 4096 }, bytes: data },
      ],
      ({ op }, ns) => served.push(ns > 0 ? op : `${op} took no time`),
    );
    assert.deepEqual(served, ['write', 'flush', 'write-zeroes', 'read']);
    assert.deepEqual([data[0], data[511], data[512]], [0, 0, 7]);
    const { calls, usage } = await session.end();
    assert.deepEqual([calls!.writes, calls!.writeBytes], [1, 4096]);
    assert.ok(calls!.fsyncs >= 1 && usage.peakMemoryBytes > 0);
    assert.equal(fs.readFileSync(imagePath)[8192 + 512], 7);
  }));

test('nothing is left of a server when the process that started it is killed', () =>
  inFolder(async (folder, imagePath) => {
    const module = pathToFileURL(path.join(import.meta.dirname, 'server-process.ts')).href;
    const script = `
      const { ServerProcess } = await import(${JSON.stringify(module)});
      await ServerProcess.start(${JSON.stringify({ name: 'x', command: raw(folder), imagePath, traced: false })});
      console.log('serving');
      setInterval(() => {}, 1000);`;
    const { process: child, finished } = startProgram(process.execPath, ['--input-type=module', '-e', script]);
    const serving = new Promise((resolve) => child.stdout!.once('data', () => resolve(null)));
    const ended = await Promise.race([serving, finished]);
    assert.equal(ended, null);
    assert.ok(processesNaming(`description=${mark(folder)}`).length > 0);
    child.kill('SIGKILL');
    await finished;
    for (let turn = 0; turn < 100 && processesNaming(`description=${mark(folder)}`).length > 0; turn++)
      execFileSync('sleep', ['0.05']);
    for (let turn = 0; turn < 100 && fs.readdirSync(path.join(folder, 'tmp')).length > 0; turn++)
      execFileSync('sleep', ['0.05']);
  }));
