/** Wrong use and bad images: one line, the exit code of qemu-img, nothing changed and nothing left behind. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

const WRONG_USE: readonly { words: readonly string[]; line: RegExp; code?: number }[] = [
  { words: ['creat'], line: /^unknown image command "creat"; did you mean create\?$/ },
  { words: ['info'], line: /^image info needs FILE$/ },
  { words: ['compare', '@a'], line: /^image compare needs FILE1 FILE2$/, code: 2 },
  { words: ['compare', '--stric', '@a', '@a'], line: /^unknown option --stric; did you mean --strict\?$/, code: 2 },
  { words: ['compare', '@a', '@missing'], line: /missing": no such file or directory$/, code: 2 },
  { words: ['info', '-x', '@a'], line: /^unknown option -x; cowbench image info --help lists the options$/ },
  { words: ['info', '-f'], line: /^-f needs a value$/ },
  { words: ['info', '-f', 'vmdk', '@a'], line: /^unknown format "vmdk"; there are: raw, qcow2$/ },
  { words: ['info', '--output=xml', '@a'], line: /^unknown output "xml"; there are: human, json$/ },
  { words: ['info', '-q=1', '@a'], line: /^unknown option -q;/ },
  { words: ['info', '@missing'], line: /missing": no such file or directory$/ },
  { words: ['info', 'file:a'], line: /^cannot open "file:a": no such file or directory$/ },
  { words: ['info', '--image-opts', 'driver=qcow2'], line: /^unknown option --image-opts;/ },
  { words: ['info', '/dev/null'], line: /^"\/dev\/null" is not a regular file$/ },
  { words: ['create', '-f', 'qcow2', '@new'], line: /^no size given; for example 10G$/ },
  { words: ['create', '-f', 'qcow2', '@new', '1Gx'], line: /^size "1Gx": expected a size in bytes, or with a suffix/ },
  { words: ['create', '-f', 'qcow2', '@new', '9E'], line: /^size "9E": more than 8 PiB$/ },
  { words: ['create', '-f', 'qcow2', '-o', 'size=1M', '@new', '1M'], line: /^the size is given more than once$/ },
  { words: ['create', '-f', 'qcow2', '-o', 'cluster=1M', '@new', '1M'], line: /^unknown -o option "cluster"/ },
  {
    words: ['create', '-f', 'qcow2', '-o', 'cluster_size=3k', '@new', '1M'],
    line: /^cluster size 3072 is not a power of two/,
  },
  {
    words: ['create', '-f', 'qcow2', '-o', 'compat=v2,lazy_refcounts', '@new', '1M'],
    line: /^a version 2 image cannot have lazy/,
  },
  { words: ['create', '-f', 'qcow2', '-o', 'compat=0.9', '@new', '1M'], line: /^unknown -o compat "0.9"/ },
  {
    words: ['create', '-f', 'qcow2', '-o', 'cluster_size=512', '@new', '1P'],
    line: /needs clusters larger than 512 bytes/,
  },
  { words: ['create', '-f', 'qcow2', '-b', 'a', '@new'], line: /^the format of backing file a is not given/ },
  {
    words: ['create', '-f', 'qcow2', '-b', 'missing', '-F', 'raw', '@new'],
    line: /missing": no such file or directory$/,
  },
  {
    words: ['create', '-f', 'qcow2', '-b', 'a', '-F', 'qcow2', '@a'],
    line: /a would be replaced, but the new image needs/,
  },
  {
    words: ['create', '-b', 'a', '-F', 'qcow2', '@new', '1M'],
    line: /^--backing: a raw image cannot have a backing file$/,
  },
  { words: ['create', '@nowhere/new', '1M'], line: /^cannot create .*new: there is no such folder$/ },
  { words: ['create', '/proc/new', '1M'], line: /^cannot create \/proc\/new: nothing can be created in its folder$/ },
  { words: ['create', '/dev/null', '1M'], line: /^\/dev\/null is not a regular file and will not be replaced$/ },
  { words: ['resize', '--shrink', '@a', '0'], line: /^size 0: nothing of the disk would be left$/ },
  {
    words: ['resize', '-f', 'raw', '--preallocation=metadata', '@raw', '8M'],
    line: /^--preallocation=metadata: a raw image has no metadata$/,
  },
  { words: ['amend', '-f', 'raw', '-o', 'help'], line: /^a raw image has no options to amend$/ },
  {
    words: ['measure', '--size', '1M', '-l', 'x'],
    line: /^--snapshot and --format are about a file, not about --size$/,
  },
  { words: ['commit', '-r', 'fast', '@a'], line: /^--rate "fast": expected a size/ },
  { words: ['convert', '-r', 'fast', '@a', '@new'], line: /^--rate "fast": expected a size/ },
  { words: ['convert', '-m', '17', '@a', '@new'], line: /^--coroutines "17": expected an integer from 1 to 16$/ },
  { words: ['convert', '-m', '0', '@a', '@new'], line: /^--coroutines "0": expected an integer from 1 to 16$/ },
  { words: ['convert', '-O', 'qcow2', '-o', 'size=8M', '@a', '@new'], line: /^unknown -o option "size"/ },
  { words: ['create', '-f', 'qcow2', '-o', 'encryption=off', '@new', '1M'], line: /^unknown -o option "encryption"/ },
  {
    words: ['create', '-f', 'qcow2', '-o', 'nolazy_refcounts', '@new', '1M'],
    line: /^unknown -o option "nolazy_refcounts"/,
  },
  { words: ['convert', '@a'], line: /^convert needs a source and a target$/ },
  { words: ['convert', '-l', 'no', '@a', '@new'], line: /^there is no snapshot "no"; there are "before"$/ },
  { words: ['convert', '-l', 'x', '@raw', '@new'], line: /raw: a raw image has no snapshots$/ },
  { words: ['convert', '-c', '@a', '@new'], line: /^--compress: a raw image cannot be compressed$/ },
  { words: ['convert', '-S', '100', '@a', '@new'], line: /^-S 100: expected a multiple of 512 up to 16M$/ },
  { words: ['convert', '-O', 'qcow2', '@a', '@a'], line: /a would be replaced, but the new image needs/ },
  { words: ['convert', '-n', '@a', '@raw'], line: /raw has \d+ bytes, the source \d+$/ },
  { words: ['convert', '-n', '@a', '@missing'], line: /missing": no such file or directory$/ },
  { words: ['resize', '@a', '-1M'], line: /a would lose 1048576 bytes at its end; --shrink allows that$/ },
  { words: ['resize', '--shrink', '@a', '-1G'], line: /^size "-1G": the disk has only 4194304 bytes$/ },
  { words: ['resize', '@a'], line: /^no size given$/ },
  { words: ['snapshot', '-c', 'x', '@raw'], line: /raw: a raw image cannot have snapshots$/ },
  { words: ['snapshot', '-c', 'x', '-d', 'y', '@a'], line: /^--create and --delete cannot be given together$/ },
  { words: ['snapshot', '-d', 'no', '@a'], line: /^there is no snapshot tagged "no"; there are "before"$/ },
  { words: ['amend', '@a'], line: /^no option to change is given/ },
  { words: ['amend', '-o', 'compat=0.10,lazy_refcounts=on', '@a'], line: /a: lazy refcounts need a version 3 image$/ },
  {
    words: ['amend', '-o', 'compat=v2,refcount_bits=8', '@a'],
    line: /a: a version 2 image has refcounts of 16 bits, not 8/,
  },
  {
    words: ['amend', '-o', 'refcount_bits=12', '@a'],
    line: /a: refcount width 12 is not 1, 2, 4, 8, 16, 32 or 64 bits$/,
  },
  {
    words: ['amend', '-o', 'refcount_bits=1', '@a'],
    line: /refcount \d+ of the cluster at offset \d+ does not fit 1 bits$/,
  },
  {
    words: ['amend', '-o', 'data_file=x', '@a'],
    line: /a: a data file can only be named for an image that was created/,
  },
  { words: ['amend', '-o', 'data_file=', '@a'], line: /^-o data_file: nothing could be read without the name/ },
  { words: ['amend', '-o', 'lazy_refcounts=maybe', '@a'], line: /^-o lazy_refcounts="maybe": expected on or off$/ },
  { words: ['amend', '-o', 'size=1M', '@raw'], line: /raw: a raw image has no options$/ },
  { words: ['check', '-r', 'some', '@a'], line: /^unknown repair "some"; there are: leaks, all$/ },
  { words: ['dd', 'if=@a'], line: /^dd needs if=FILE and of=FILE$/ },
  { words: ['dd', 'iff=@a', 'of=@new'], line: /^unknown operand "iff"; did you mean if=\?$/ },
  { words: ['dd', 'bs=0', 'if=@a', 'of=@new'], line: /^bs=0: a block has at least one byte$/ },
  { words: ['dd', 'count=-1', 'if=@a', 'of=@new'], line: /^count="-1": expected a number of blocks$/ },
];

test('wrong use is one line that names the thing', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a');
  session.rawDisk('raw');
  const before = [fs.readFileSync(session.file('a')), fs.readFileSync(session.file('raw'))];
  for (const { words, line, code = 1 } of WRONG_USE) {
    const outcome = await session.cowbench(...words);
    const note = words.join(' ');
    assert.match(outcome.stderr.trimEnd(), line, note);
    assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr.split('\n').length], [code, '', 2], note);
  }
  assert.deepEqual(fs.readdirSync(session.folder).sort(), ['a', 'raw']);
  const after = [fs.readFileSync(session.file('a')), fs.readFileSync(session.file('raw'))];
  assert.ok(after.every((bytes, index) => bytes.equals(before[index]!)));
});

/** A good image with 32-bit words of its header replaced: offset and value, in turn. */
function withWords(...changes: number[]): (image: Buffer) => Buffer {
  return (image) => {
    for (let at = 0; at < changes.length; at += 2) image.writeUInt32BE(changes[at + 1]!, changes[at]!);
    return image;
  };
}

/** Changes to a good image, by what is wrong with it then. */
const MALFORMED: Readonly<Record<string, (image: Buffer) => Buffer>> = {
  'bad magic': withWords(0, 0),
  empty: () => Buffer.alloc(0),
  'a header cut off': (image) => image.subarray(0, 50),
  'version 4': withWords(4, 4),
  'huge clusters': withWords(20, 22),
  'header length': withWords(100, 0x7fffffff),
  'unknown feature': withWords(76, 2 ** 20),
  'size 2^63': withWords(24, 2 ** 31),
  'huge L1 table': withWords(36, 0xffffffff),
  'small L1 table': withWords(36, 0),
  'unaligned L1 table': withWords(44, 513),
  'no refcount table': withWords(56, 0),
  'huge refcount table': withWords(56, 0xffffffff),
  'huge snapshot table': withWords(60, 0xffffffff),
  'long backing name': withWords(12, 600, 16, 2000),
};

test('a malformed image is refused as qemu-img refuses it', async () => {
  using session = new ImageSession();
  session.qcow2Disk('good');
  for (const [title, change] of Object.entries(MALFORMED)) {
    const bytes = change(fs.readFileSync(session.file('good')));
    fs.writeFileSync(session.file('bad'), bytes);
    for (const words of [
      ['info', '-f', 'qcow2', '@bad'],
      ['map', '-f', 'qcow2', '@bad'],
      ['snapshot', '-f', 'qcow2', '-c', 'x', '@bad'],
      ['convert', '-f', 'qcow2', '-O', 'raw', '@bad', '@new'],
      ['compare', '-f', 'qcow2', '@bad', '@good'],
      ['resize', '-f', 'qcow2', '@bad', '8M'],
      ['amend', '-f', 'qcow2', '-o', 'lazy_refcounts=on', '@bad'],
    ]) {
      const note = `${title}: ${words.join(' ')}`;
      const { code, stdout, stderr } = await session.cowbench(...words);
      assert.deepEqual(
        [code, stdout, stderr.split('\n').length],
        [words[0] === 'compare' ? 2 : 1, '', 2],
        `${note}: ${stderr}`,
      );
      assert.doesNotMatch(stderr, /defect/, note);
      assert.ok(fs.readFileSync(session.file('bad')).equals(bytes), note);
    }
    assert.deepEqual(fs.readdirSync(session.folder).sort(), ['bad', 'good'], title);
    const theirs = session.qemu('info', '-f', 'qcow2', '@bad');
    assert.equal(theirs.code, 1, `${title}: qemu-img accepts it`);
  }
});

test('a copy that fails on the way leaves nothing, and what was there', async () => {
  using session = new ImageSession();
  session.qcow2Disk('a');
  const bytes = fs.readFileSync(session.file('a'));
  // The last L2 entry that holds data points nowhere.
  const l2 = Number(bytes.readBigUInt64BE(Number(bytes.readBigUInt64BE(40)))) % 2 ** 48;
  bytes.writeUInt32BE(512, l2 + 8 * 48 + 4);
  fs.writeFileSync(session.file('a'), bytes);
  fs.writeFileSync(session.file('target'), 'precious');
  const { code, stderr } = await session.cowbench('convert', '-f', 'qcow2', '@a', '@target');
  assert.equal(code, 1);
  assert.match(stderr, /^.*cluster allocation offset 512 unaligned.*\n$/);
  assert.equal(fs.readFileSync(session.file('target'), 'utf8'), 'precious');
  assert.deepEqual(fs.readdirSync(session.folder).sort(), ['a', 'target']);
});
