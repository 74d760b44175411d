/**
 * Parameters of modelled storage, in whole nanoseconds, bytes and picoseconds per byte, so that a modelled time is exact
 * integer arithmetic and repeats to the nanosecond on every machine.
 *
 * The four named devices are *classes*, not products: figures of the order that data sheets and published measurements of
 * such devices give, each with its derivation next to it. Use them to see how policies rank on storage of that kind, not
 * to predict what one drive will do; for that, probe the drive.
 */

/** What a modelled device takes for each thing that it does: whole nanoseconds and bytes. */
export interface DeviceParameters {
  readonly name: string;
  readonly description: string;
  /** One command with nothing to move: round trip, and on flash the access itself. */
  readonly readCommandNs: number;
  readonly writeCommandNs: number;
  /** Transfer; 1 000 000 MB/s divided by this is MB/s. */
  readonly readPsPerByte: number;
  readonly writePsPerByte: number;
  /** Commands that overlap when they are sent together, as a write-out sends them. */
  readonly queueDepth: number;
  /** A longer transfer is several commands. */
  readonly commandBytesMax: number;
  /** Least time from one command to the next, where operations a second are capped; 0 where they are not. */
  readonly commandIntervalNs: number;
  /** Of the cache that a power cut empties; 0 where there is none, or capacitors protect it. */
  readonly volatileCacheBytes: number;
  /** A flush command when something was written since the last one, without the time to move what is in the cache. */
  readonly flushNs: number;
  /** A flush command when nothing was. */
  readonly emptyFlushNs: number;
  /** Moving the volatile cache to the medium, where there are no mechanics. */
  readonly destagePsPerByte: number;
  /** What the file system adds to a sync (journal commit) after the file became longer ... */
  readonly growthSyncNs: number;
  /** ... and after a write into a hole of it. */
  readonly allocationSyncNs: number;
  readonly mechanics: Mechanics | null;
}

/** A disk with one arm. Its surface is modelled as tracks of equal length that follow the file's offsets. */
export interface Mechanics {
  readonly revolutionNs: number;
  readonly trackBytes: number;
  /** The shortest seek; a longer one takes this plus `seekRootNs` times the square root of the tracks crossed ... */
  readonly trackToTrackNs: number;
  readonly seekRootNs: number;
  /** ... and never more than this. */
  readonly fullStrokeNs: number;
}

/** What the operating system takes for itself, on any device. */
export interface HostParameters {
  readonly readCallNs: number;
  readonly writeCallNs: number;
  readonly syncCallNs: number;
  /** Copying between program and page cache. */
  readonly copyPsPerByte: number;
  /** More than this is not kept dirty: the writer is made to wait for a write-out. */
  readonly dirtyBytesMax: number;
}

/**
 * A 4 KiB call of Node on ext4 took 1.4 us (read) and 1.7 us (write) where it was measured; 0.4 us of that is the copy at
 * 10 GB/s. Linux makes writers wait at a share of free memory, so the limit is an assumption: 256 MiB.
 */
export const DEFAULT_HOST: HostParameters = {
  readCallNs: 1000,
  writeCallNs: 1300,
  syncCallNs: 1000,
  copyPsPerByte: 100,
  dirtyBytesMax: 268_435_456,
};

/**
 * Data sheets of 7200 rpm desktop drives: 8.5 ms average seek, about 1 ms track to track, 150 MB/s sustained.
 *  - revolution: 60 s / 7200; track: 150 MB/s x one revolution;
 *  - seek: the square-root law of Ruemmler and Wilkes (1994), fitted to 1 ms for one track and 8.5 ms for a third of the
 *    800 000 tracks of 1 TB: (8.5 - 1.0) ms / sqrt(267 000) = 14 500 ns;
 *  - commands into the drive's cache: 50 us; their transfer (600 MB/s link) overlaps the medium and counts nothing;
 *  - cache 64 MiB, volatile, moved out in order of offset;
 *  - journal commit: average seek to the journal, half a revolution, and a revolution for the commit record: 21 ms.
 */
const HDD_7200: DeviceParameters = {
  name: 'hdd-7200',
  description: 'disk with 7200 revolutions a minute and a volatile write cache',
  readCommandNs: 50_000,
  writeCommandNs: 50_000,
  readPsPerByte: 0,
  writePsPerByte: 0,
  queueDepth: 1,
  commandBytesMax: 1_048_576,
  commandIntervalNs: 0,
  volatileCacheBytes: 67_108_864,
  flushNs: 100_000,
  emptyFlushNs: 100_000,
  destagePsPerByte: 0,
  growthSyncNs: 21_000_000,
  allocationSyncNs: 21_000_000,
  mechanics: {
    revolutionNs: 8_333_333,
    trackBytes: 1_250_000,
    trackToTrackNs: 1_000_000,
    seekRootNs: 14_500,
    fullStrokeNs: 20_000_000,
  },
};

/**
 * Data sheets of SATA consumer SSDs: 550 and 520 MB/s, at queue depth 1 about 10 000 random reads and 40 000 random
 * writes a second, 32 queued commands.
 *  - flush: published measurements of a sync per write on consumer SSDs lie between 0.4 and 5 ms; 2 ms is taken;
 *  - destage: what the sustained rate once the fast cells are used up, about 300 MB/s, leaves beyond the link's time;
 *  - journal commit: a second write and flush.
 */
const SATA_SSD_NO_PLP: DeviceParameters = {
  name: 'sata-ssd-no-plp',
  description: 'SATA SSD without power-loss protection: fast writes, slow flushes',
  readCommandNs: 95_000,
  writeCommandNs: 20_000,
  readPsPerByte: 1818,
  writePsPerByte: 1923,
  queueDepth: 32,
  commandBytesMax: 1_048_576,
  commandIntervalNs: 0,
  volatileCacheBytes: 536_870_912,
  flushNs: 2_000_000,
  emptyFlushNs: 100_000,
  destagePsPerByte: 1410,
  growthSyncNs: 2_040_000,
  allocationSyncNs: 2_040_000,
  mechanics: null,
};

/**
 * Data sheets of PCIe 4 data-centre SSDs: 6.5 and 4 GB/s, 4 KiB at queue depth 1 in about 80 us (read) and 15 us (write).
 *  - flush: the cache is protected, so the command is a round trip; published syncs per write take 12 to 58 us in all;
 *  - journal commit: two more writes, one after the other, and a flush.
 */
const NVME_PLP: DeviceParameters = {
  name: 'nvme-plp',
  description: 'NVMe SSD with power-loss protection: a flush is a round trip',
  readCommandNs: 80_000,
  writeCommandNs: 15_000,
  readPsPerByte: 154,
  writePsPerByte: 250,
  queueDepth: 64,
  commandBytesMax: 1_048_576,
  commandIntervalNs: 0,
  volatileCacheBytes: 0,
  flushNs: 10_000,
  emptyFlushNs: 10_000,
  destagePsPerByte: 0,
  growthSyncNs: 40_000,
  allocationSyncNs: 40_000,
  mechanics: null,
};

/**
 * The documented base rate of a common cloud volume: 3 000 operations of up to 256 KiB a second, 125 MiB/s, latency of
 * "single-digit milliseconds", of which the low end is taken.
 *  - flush: written data is replicated before it is acknowledged and no write cache is reported, so the block layer has
 *    nothing to send;
 *  - journal commit: two more writes, one after the other.
 */
const NETWORK_BLOCK: DeviceParameters = {
  name: 'network-block',
  description: 'replicated network volume: slow round trips, capped operations a second, nothing to flush',
  readCommandNs: 1_000_000,
  writeCommandNs: 1_000_000,
  readPsPerByte: 7629,
  writePsPerByte: 7629,
  queueDepth: 32,
  commandBytesMax: 262_144,
  commandIntervalNs: 333_333,
  volatileCacheBytes: 0,
  flushNs: 0,
  emptyFlushNs: 0,
  destagePsPerByte: 0,
  growthSyncNs: 2_000_000,
  allocationSyncNs: 2_000_000,
  mechanics: null,
};

/** The named devices that can be modelled. */
export const MODELLED_DEVICES: readonly DeviceParameters[] = [HDD_7200, SATA_SSD_NO_PLP, NVME_PLP, NETWORK_BLOCK];
