#!/usr/bin/env node
/**
 * The command line: the one place where an error becomes a line on stderr and an exit code. What a call does not need is not
 * loaded: `--version` and `--help` answer at once.
 */
import { firstPage, helpPage } from './commands/help-pages.ts';
import { failureExitCode } from './console/exit-codes.ts';
import { programVersion } from './console/program-version.ts';

/** Wider help would only move meanings away from their options. */
const WIDTH_MAX = 100;

const words = process.argv.slice(2);

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const width = Math.min(WIDTH_MAX, process.stdout.columns ?? 80);

try {
  if (words[0] === '__complete') await complete();
  else await answer();
} catch (error) {
  process.exitCode = failureExitCode(words);
  await report(error);
}

/** What could follow the words after the first, a line each. */
async function complete(): Promise<void> {
  const { completions } = await import('./commands/complete.ts');
  for (const found of await completions(words.slice(1))) console.log(found);
}

async function answer(): Promise<void> {
  const help = words[0] === '--version' ? `${programVersion()}\n` : await helpPage(words, width);
  if (help !== null) process.stdout.write(help);
  else if (words.length > 0) await (await import('./commands/command-line.ts')).runCommand(words);
  else {
    process.exitCode = failureExitCode(words);
    console.error(`cowbench: no command given\n\n${firstPage(width).trimEnd()}`);
  }
}

async function report(error: unknown): Promise<void> {
  const { describeFailure, SampleFailure } = await import('./console/errors.ts');
  const { message, expected } = describeFailure(error);
  console.error(expected ? `cowbench: ${message}` : `cowbench: defect: ${message} (--debug shows where)`);
  if (!words.includes('--debug')) return;
  console.error(error instanceof SampleFailure ? error.workerStack : error);
}
