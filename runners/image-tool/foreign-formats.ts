/**
 * Containers of other programs, known by their magic bytes. Read as a raw disk such a file would show its own bookkeeping to the
 * guest, and resized as one it would be destroyed.
 */
import type { BlockFile } from '../../engine/index.ts';

interface Signature {
  readonly name: string;
  readonly magic: string | Uint8Array;
  /** From the start of the file; negative: from its end. */
  readonly offset: number;
}

const SIGNATURES: readonly Signature[] = [
  { name: 'VMDK', magic: 'KDMV', offset: 0 },
  { name: 'VMDK (version 3)', magic: 'COWD', offset: 0 },
  { name: 'VDI', magic: Uint8Array.of(0x7f, 0x10, 0xda, 0xbe), offset: 64 },
  { name: 'VHDX', magic: 'vhdxfile', offset: 0 },
  { name: 'VHD', magic: 'conectix', offset: 0 },
  { name: 'VHD (fixed size)', magic: 'conectix', offset: -512 },
  { name: 'QED', magic: 'QED\0', offset: 0 },
  { name: 'Parallels', magic: 'WithoutFreeSpace', offset: 0 },
  { name: 'Parallels', magic: 'WithouFreSpacExt', offset: 0 },
  { name: 'qcow (version 1)', magic: Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1), offset: 0 },
  { name: 'LUKS', magic: Uint8Array.of(0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe), offset: 0 },
  { name: 'Bochs', magic: 'Bochs Virtual HD Image', offset: 0 },
  { name: 'cloop', magic: '#!/bin/sh\n#V2.0 Format\nmodprobe cloop', offset: 0 },
  { name: 'DMG', magic: 'koly', offset: -512 },
];

/** The text that names the extents of a VMDK disk: comments, and then its version, as QEMU knows it. */
const VMDK_DESCRIPTOR = /^(?:# Disk DescriptorFile|(?:[ \t]*(?:#[^\n]*)?\r?\n)* *version=[123]\r?\n)/;
const DESCRIPTOR_BYTES = 2048;

/** What the container in `file` is called; null when it is none that is known. */
export function foreignFormat(file: BlockFile): string | null {
  const sizeBytes = file.sizeBytes();
  for (const { name, magic, offset } of SIGNATURES) {
    const wanted = typeof magic === 'string' ? new TextEncoder().encode(magic) : magic;
    const at = offset < 0 ? sizeBytes + offset : offset;
    if (at < 0 || at + wanted.length > sizeBytes) continue;
    const found = new Uint8Array(wanted.length);
    file.read(at, found, 'header');
    if (Buffer.compare(found, wanted) === 0) return name;
  }
  const start = new Uint8Array(Math.min(DESCRIPTOR_BYTES, sizeBytes));
  file.read(0, start, 'header');
  return VMDK_DESCRIPTOR.test(Buffer.from(start).toString('latin1')) ? 'VMDK descriptor' : null;
}
