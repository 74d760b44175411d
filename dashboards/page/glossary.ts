/** The words that the report uses, each in one or two sentences. */
import { type Html, html } from './html.ts';

const WORDS: readonly (readonly [string, string])[] = [
  ['barrier', 'A sync made for ordering: what was written before it must be durable before what is written after it.'],
  ['baseline', 'The policy that the others are compared with: legacy where it was run, else the first.'],
  ['cluster', 'The unit in which a copy-on-write image gives out space, for example 64 KiB.'],
  [
    'copy-on-write (cow)',
    'Before a shared or only partly overwritten cluster is changed, its old content is copied to a new one.',
  ],
  [
    'crash state',
    'One content that the image file could have after a power cut: everything before the last sync, and any part of what came after it.',
  ],
  ['ECDF', 'Cumulative curve: the height at a latency is the share of operations completed within it.'],
  [
    'exact count',
    'A number that is the same for the same source, workload, seed and policy on every machine. A difference of one is a finding.',
  ],
  ['guest', 'The operating system inside the virtual machine. Its requests (reads, writes, flushes) are replayed.'],
  [
    'guest flush',
    'The guest’s request for durability: once it completes, everything written before must survive a power cut.',
  ],
  [
    'host cache mode',
    'How the image file is opened: writeback (plain), writethrough (O_DSYNC), none (O_DIRECT), directsync (both), unsafe (syncs do nothing).',
  ],
  ['L1 and L2 table', 'The two levels of tables that map a cluster of the guest’s disk to its place in the file.'],
  ['leak', 'A cluster that is marked as used but not referenced: wasted space, no lost data.'],
  [
    'metadata cache policy',
    'The rule by which changed tables are written out and barriers are placed: what this report compares.',
  ],
  [
    'O_DSYNC write',
    'A write that returns only when its data is durable; it costs about as much as a write and a sync.',
  ],
  ['percentile', 'p99 is the latency that 99 % of the operations did not exceed.'],
  [
    'raw file',
    'A plain file in place of the image, byte for byte the guest’s disk: what the same requests cost without any metadata.',
  ],
  [
    'refcount',
    'The number of references to a cluster. Refcounts are stored in refcount blocks, which the refcount table lists.',
  ],
  ['sync', 'An fdatasync call: the program waits until the device reports that everything written is durable.'],
  ['write out', 'To write a changed table from memory to the file. It is durable only after the next sync.'],
];

export function glossarySection(): Html {
  return html`<section id="glossary" aria-labelledby="glossary-title">
<h2 id="glossary-title">Glossary</h2>
<dl class="glossary">${WORDS.map(([word, meaning]) => html`<div><dt>${word}</dt><dd>${meaning}</dd></div>\n`)}</dl>
</section>`;
}
