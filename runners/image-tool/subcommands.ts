/** All subcommands of `cowbench image`. */
import { amend } from './amend.ts';
import { bench } from './bench.ts';
import { bitmap } from './bitmap.ts';
import { check } from './check.ts';
import { commit } from './commit.ts';
import { compare } from './compare.ts';
import { convert } from './convert.ts';
import { create } from './create.ts';
import { dd } from './dd.ts';
import { info } from './info.ts';
import { map } from './map.ts';
import { measure } from './measure.ts';
import { rebase } from './rebase.ts';
import { resize } from './resize.ts';
import { snapshot } from './snapshot.ts';
import type { Subcommand } from './subcommand.ts';

export const SUBCOMMANDS: readonly Subcommand[] = [
  create,
  info,
  check,
  map,
  snapshot,
  convert,
  compare,
  resize,
  amend,
  rebase,
  commit,
  measure,
  bitmap,
  dd,
  bench,
];
