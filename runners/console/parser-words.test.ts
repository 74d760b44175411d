import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import yargs from 'yargs';
import { type HelpOption, value } from './help-page.ts';
import { emptyValue, keptByNpm, refusalWords, systemReason, valueOfFlag } from './parser-words.ts';

const OPTIONS = {
  policy: { ...value('NAME,…'), alias: 'p' },
  rounds: { ...value('N'), conflicts: 'limit' },
  limit: value('N'),
  dir: { ...value('DIR'), demandOption: true },
};

/** What yargs says of `words` to a command that needs BASE and HEAD, in our words. */
function refusalOf(words: string[]): string {
  let message = '';
  yargs(words)
    .command('compare <base> <head>', '', (builder) => builder.options(OPTIONS))
    .exitProcess(false)
    .fail((said) => {
      message ||= said;
    })
    .parse();
  return refusalWords(message, 'compare BASE HEAD', new Map(Object.entries(OPTIONS)));
}

test('B17: refusals of the parser name words and options as the help does', () => {
  assert.equal(refusalOf(['compare', 'HEAD~1', '--dir', '.']), 'compare needs BASE HEAD');
  assert.equal(refusalOf(['compare', 'a', 'b', '--dir', '.', '-p']), '-p needs a value (NAME,…)');
  assert.equal(refusalOf(['compare', 'a', 'b', '--dir', '.', '--rounds']), '--rounds needs a value (N)');
  assert.equal(
    refusalOf(['compare', 'a', 'b', '--dir', '.', '--rounds', '1', '--limit', '2']),
    '--rounds and --limit cannot be combined',
  );
  assert.equal(refusalOf(['compare', 'a', 'b']), 'compare needs --dir (DIR)');
  assert.equal(refusalWords('else', 'compare BASE HEAD', new Map()), 'else');
});

test('B15: an option that npm kept is named with the command that works; what npm always sets is none', () => {
  const names = ['--workload', '--cache', '--time-budget'];
  const own = { npm_lifecycle_event: 'bench', npm_config_cache: '/home/u/.npm' };
  assert.equal(keptByNpm(own, names), null);
  assert.equal(
    keptByNpm({ ...own, npm_config_time_budget: '2m' }, names),
    'npm kept --time-budget for itself: put -- before the options, npm run bench -- --time-budget …',
  );
  assert.equal(keptByNpm({ npm_config_workload: 'boot' }, names), null);
});

test('B17: the reason of a failed call is what remains without its code and name', () => {
  const failing = (call: () => unknown): string => {
    try {
      call();
    } catch (error) {
      return systemReason(error);
    }
    throw new Error('it succeeded');
  };
  assert.equal(
    failing(() => fs.statSync('/nofile')),
    'no such file or directory',
  );
  assert.equal(
    failing(() => fs.readFileSync('/')),
    'illegal operation on a directory',
  );
  assert.equal(systemReason(new Error('another: reason, of two')), 'another: reason, of two');
});

test('a flag with a value and an option with an empty one are refused by their names', () => {
  const options = new Map<string, HelpOption>([
    ['resume', { type: 'boolean' }],
    ['report', { type: 'boolean', default: true }],
    ['out', value('FILE')],
    ['allow-folder', value('DIR')],
    ['stats', { type: 'string', value: '[TIME]' }],
  ]);
  assert.equal(valueOfFlag(['compare', '--resume=0'], options), '--resume takes no value');
  assert.equal(valueOfFlag(['compare', '--no-report=yes'], options), '--report takes no value');
  assert.equal(valueOfFlag(['compare', '--resume', '--out=a', '--', '--resume=0'], options), null);
  assert.equal(emptyValue({ out: '' }, options), '--out needs a value (FILE)');
  assert.equal(emptyValue({ 'allow-folder': ['a', ''] }, options), '--allow-folder needs a value (DIR)');
  assert.equal(emptyValue({ out: 'a', 'allow-folder': undefined, resume: false }, options), null);
  assert.equal(emptyValue({ stats: '' }, options), null, 'its value is optional');
});
