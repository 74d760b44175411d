#!/usr/bin/env node
/** The command line: the one place where an error becomes a line on stderr and an exit code. */
import { hideBin } from 'yargs/helpers';
import { firstPage, helpPage, runCommand } from './commands/command-line.ts';
import { failureExitCode } from './commands/image.ts';
import { describeFailure, EXIT_CODES, SampleFailure, UsageError } from './console/errors.ts';

/** Wider help would only move meanings away from their options. */
const WIDTH_MAX = 100;

const words = hideBin(process.argv);

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT_CODES.ok);
});

const width = Math.min(WIDTH_MAX, process.stdout.columns ?? 80);

try {
  const help = helpPage(words, width);
  if (help !== null) process.stdout.write(help);
  else if (words.length > 0) await runCommand(words);
  else fail(new UsageError('no command given'), firstPage(width));
} catch (error) {
  fail(error);
}

function fail(error: unknown, advice = ''): void {
  process.exitCode = failureExitCode(words);
  report(error);
  if (advice !== '') console.error(`\n${advice.trimEnd()}`);
}

function report(error: unknown): void {
  const { message, expected } = describeFailure(error);
  console.error(expected ? `cowbench: ${message}` : `cowbench: defect: ${message} (--debug shows where)`);
  if (!words.includes('--debug')) return;
  console.error(error instanceof SampleFailure ? error.workerStack : error);
}
