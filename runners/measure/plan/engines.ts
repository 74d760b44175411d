/** The engines that `--engine` names: this one, qemu builds, raw files, and servers by their commands. */
import path from 'node:path';
import { UsageError } from '../../console/errors.ts';
import { list, type OptionText } from '../../console/option-values.ts';
import { unknownWord } from '../../console/suggest.ts';
import { formatOfCommand, IMAGE_FORMATS, programOf, type ServedFormat } from '../../nbd/command.ts';
import { qemuName } from '../../qemu/cell.ts';
import type { QemuFolder } from '../../qemu/tools.ts';
import { RAW_PREPARATIONS, type RawPreparation } from '../../sample/job.ts';

const WORDS = [
  'cowbench',
  'qemu',
  'formats',
  'raw',
  ...RAW_PREPARATIONS.map((how) => `raw:${how}`),
  'nbd:COMMAND',
  'nbd:null',
];
/** From here on all of the text is a command: it may have commas of its own. */
const COMMAND = /(?:^|,)\s*(?:([^,=:]*)=)?nbd:/;
const NAME = /^[\w.+@ -]{1,60}$/;

export interface QemuEngine {
  readonly kind: 'qemu';
  readonly name: string;
  readonly folder: QemuFolder;
}

export interface ServerEngine {
  readonly kind: 'nbd';
  readonly name: string;
  /** Null: our own server that keeps nothing. */
  readonly command: string | null;
  readonly format: ServedFormat;
}

export type Engine =
  | { readonly kind: 'cowbench' }
  | { readonly kind: 'raw'; readonly how: RawPreparation }
  | QemuEngine
  | ServerEngine;

/** True for a word that is an engine and could be no commit: `compare` takes both. */
export function looksLikeEngine(word: string): boolean {
  return COMMAND.test(word) || /^(?:qemu|raw)$|^qemu=|^raw:/.test(word);
}

/**
 * The engines, in their order, each with a name of its own; plain files together, once each, from the least to the most prepared.
 * @throws UsageError for an unknown word, for a qemu build that is not there, and for a command that cannot be used.
 */
export function enginesNamed(given: OptionText | undefined): Engine[] {
  const engines = withRawTogether([given ?? 'cowbench'].flat().flatMap(enginesIn));
  const names = new Map<string, number>();
  return engines.map((engine) => {
    if (!('name' in engine)) return engine;
    const times = (names.get(engine.name) ?? 0) + 1;
    names.set(engine.name, times);
    return times === 1 ? engine : { ...engine, name: `${engine.name} (${folderOf(engine) ?? times})` };
  });
}

function withRawTogether(engines: readonly Engine[]): Engine[] {
  const isRaw = (engine: Engine) => engine.kind === 'raw';
  const raw = RAW_PREPARATIONS.flatMap((how): Engine[] =>
    engines.some((engine) => engine.kind === 'raw' && engine.how === how) ? [{ kind: 'raw', how }] : [],
  );
  const first = engines.findIndex(isRaw);
  return engines.flatMap((engine, index) => (isRaw(engine) ? (index === first ? raw : []) : [engine]));
}

function folderOf(engine: QemuEngine | ServerEngine): string | null {
  return engine.kind === 'qemu' ? engine.folder : null;
}

function enginesIn(text: string): Engine[] {
  const found = COMMAND.exec(text);
  if (found === null) return list('engine', text).flatMap(engineNamed);
  const before = text.slice(0, found.index);
  const command = text.slice(found.index + found[0].length).trim();
  return [...(before === '' ? [] : list('engine', before).flatMap(engineNamed)), server(found[1]?.trim(), command)];
}

/** Each format that qemu-nbd serves and that an image can be made in, all of them served alike. */
function formats(): ServerEngine[] {
  return IMAGE_FORMATS.map((format) =>
    server(format, `qemu-nbd -k {socket} -f ${format} --cache=writeback --discard=unmap {image:${format}}`),
  );
}

function server(name: string | undefined, command: string): ServerEngine {
  if (name !== undefined && !NAME.test(name))
    throw new UsageError(`--engine ${name}=nbd: a name has letters, digits, blanks and . + @ - _, at most 60`);
  // qcow2: what is prepared for a server that looks at nothing.
  if (command === 'null') return { kind: 'nbd', name: name ?? 'protocol', command: null, format: 'qcow2' };
  return { kind: 'nbd', name: name ?? `nbd ${programOf(command)}`, command, format: formatOfCommand(command) };
}

function engineNamed(word: string): Engine | readonly Engine[] {
  if (word === 'formats') return formats();
  if (word === 'cowbench') return { kind: 'cowbench' };
  if (word === 'qemu' || word.startsWith('qemu=')) {
    const folder = word === 'qemu' ? null : path.resolve(word.slice('qemu='.length));
    return { kind: 'qemu', name: qemuName(folder), folder };
  }
  const how = RAW_PREPARATIONS.find((name) => word === `raw:${name}` || (word === 'raw' && name === 'sparse'));
  if (how !== undefined) return { kind: 'raw', how };
  throw new UsageError(`--engine: ${unknownWord('engine', word, WORDS)}`);
}
