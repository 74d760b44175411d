/**
 * Loaded before each test file where programs are missing and that is allowed: a test that fails after it tried to start a
 * missing program is left out, with the program as the reason. A test that passes without it has passed.
 *
 * Invariant: no test is left out that did not ask for a program that is missing.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { leftOutReason, testTools } from './tools.ts';

const missing = new Set(testTools().missing);
/** The missing programs that were asked for since the last {@link forget}. */
let asked = new Set<string>();
/** Asked for by what runs before the tests of a file, so that none of them can run. */
let beforeAll: string | null = null;

const require = createRequire(import.meta.url);

type AnyFunction = (...words: unknown[]) => unknown;

function watchPrograms(): void {
  const child = require('node:child_process') as Record<string, AnyFunction>;
  for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync']) {
    const original = child[name]!;
    child[name] = (program, ...rest) => {
      note([program, ...(Array.isArray(rest[0]) ? rest[0] : [])]);
      const started = original(program, ...rest);
      listen((started as Started | null)?.stderr);
      return started;
    };
  }
}

/** Programs are started by name, by others (`strace -f fio`), by a shell, and by cowbench: all words are looked through. */
function note(words: readonly unknown[]): void {
  for (const word of words.flatMap((one) => (typeof one === 'string' ? one.split(/[\s;&|'"=:,]+/) : []))) {
    const name = path.basename(word);
    if (missing.has(name)) asked.add(name);
  }
}

interface Started {
  readonly stderr: Readable | string | null;
}

/** What a process says that it lacks. It is heard where the test hears it too: else what the test reads later would be lost. */
function listen(stderr: Started['stderr'] | undefined): void {
  const hear = (text: unknown) => {
    for (const name of namesIn(String(text))) asked.add(name);
  };
  if (stderr === null || stderr === undefined) return;
  if (typeof stderr === 'string' || Buffer.isBuffer(stderr)) return hear(stderr);
  setImmediate(() => {
    if (stderr.listenerCount('data') > 0) stderr.on('data', hear);
  });
}

function watchTests(): void {
  const testing = require('node:test') as Record<string, AnyFunction>;
  for (const name of ['test', 'it']) testing[name] = watched(testing[name]!);
  for (const name of ['before', 'beforeEach']) testing[name] = watchedHook(testing[name]!);
}

function watched(test: AnyFunction): AnyFunction {
  const wrapper = (...words: unknown[]) => {
    const at = words.findLastIndex((word) => typeof word === 'function');
    if (at < 0) return test(...words);
    const body = words[at] as (context: TestContext) => unknown;
    const run = async (context: TestContext) => {
      if (beforeAll !== null) return context.skip(leftOutReason(beforeAll));
      asked = new Set();
      (context as { test: unknown }).test = watched(context.test.bind(context) as AnyFunction);
      try {
        await body(context);
      } catch (error) {
        const [tool] = [...asked, ...missingIn(error)];
        if (tool === undefined) throw error;
        context.skip(leftOutReason(tool));
      }
    };
    return test(...words.with(at, run));
  };
  return Object.assign(wrapper, test);
}

function watchedHook(hook: AnyFunction): AnyFunction {
  return (body, ...rest) =>
    hook(
      async (...context: unknown[]) => {
        try {
          await (body as AnyFunction)(...context);
        } catch (error) {
          const [tool] = [...asked, ...missingIn(error)];
          if (tool === undefined) throw error;
          beforeAll = tool;
        }
      },
      ...rest,
    );
}

/** Programs that another process missed. */
function missingIn(error: unknown): string[] {
  return namesIn(String((error as Error)?.stack ?? error));
}

/** By the words of an error: cowbench names what it needs, and so does the system. */
function namesIn(text: string): string[] {
  const found = text.matchAll(/\b(?:needs|spawn|spawnSync) '?([\w-]+)'?|\b([\w-]+) is not installed/g);
  const names = [...found].map(([, needed, absent]) => (needed ?? absent)!);
  return names.filter((name) => missing.has(name.toLowerCase()) || missing.has(name)).map((name) => name.toLowerCase());
}

watchPrograms();
watchTests();
syncBuiltinESMExports();
