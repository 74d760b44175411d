/**
 * The contract of a workload: what a guest does to its disk, as streams that can be asked for again and again.
 *
 * Invariants:
 *  1. `prepare()` and `requests()` give the same requests every time they are called: name, parameters, seed, cluster
 *     size and the content of `inputs` determine them.
 *  2. Offsets are whole sectors inside `diskSizeBytes`; VM state lies inside `vmStateSizeBytes`.
 *  3. Each phase begins with a `mark` of its name.
 */
import type { z } from 'zod';
import { MAX_WRITE_SERIAL } from './guest-data.ts';
import { describeParameters, type ParameterDescription, parseParameters } from './parameters.ts';
import type { RequestStream } from './request.ts';

/** What a workload may know of the run besides its own parameters. */
export interface WorkloadContext {
  readonly seed: number;
  /** Cluster size of the image under test, for workloads that aim at clusters and L2 tables. */
  readonly clusterSizeBytes: number;
}

/** A file from outside the program that decides the requests. */
export interface WorkloadInput {
  /** What it is to the workload. */
  readonly role: 'trace';
  readonly name: string;
  /** Of its content (of a compressed file: uncompressed), in hexadecimal digits. */
  readonly sha256: string;
}

/** A workload with its parameters given: streams of guest requests that repeat exactly. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** All parameters with their values, for the record. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly diskSizeBytes: number;
  /** Space that the VM state needs; 0 without VM state. */
  readonly vmStateSizeBytes: number;
  /** True: the image has a backing image of the disk's size, full of the data of write {@link BACKING_SERIAL}. */
  readonly backingImage: boolean;
  /** Files from outside the program that decide the requests; empty without. */
  readonly inputs: readonly WorkloadInput[];
  /** What a reader of the results must know of how the input is replayed, one sentence each. */
  readonly notes: readonly string[];
  /** Names of the phases of `requests()`, in order. */
  readonly phases: readonly string[];
  /**
   * What comes between two flushes does not build on what comes between others, so several requesters can send the requests at once.
   * False for what one guest did, in its order.
   */
  readonly independent: boolean;
  /** Requests of `requests()`, marks not counted; absent when only a run through it would tell. */
  readonly totalRequests?: number;
  /** One sentence on what this workload with these parameters does. */
  describe(): string;
  /** What happens to the disk before anything is measured. */
  prepare(): RequestStream;
  /** What is measured. */
  requests(): RequestStream;
}

/** Serial of the write that filled a backing image (see `fillGuestData`). */
export const BACKING_SERIAL = MAX_WRITE_SERIAL;

/** A workload as the registry knows it. */
export interface WorkloadDefinition {
  readonly name: string;
  readonly title: string;
  readonly parameters: readonly ParameterDescription[];
  /** See {@link Workload.independent}; absent: false. */
  readonly independent?: boolean;
  /** Makes the workload. Throws `WorkloadError` on bad parameters, `TraceError` on a bad trace. */
  create(parameters: Readonly<Record<string, unknown>>, context: WorkloadContext): Promise<Workload>;
}

/** What a workload's own file says; the rest has defaults. */
export type WorkloadPlan = Pick<Workload, 'diskSizeBytes' | 'phases' | 'describe' | 'prepare' | 'requests'> &
  Partial<Pick<Workload, 'vmStateSizeBytes' | 'backingImage' | 'inputs' | 'notes' | 'totalRequests'>>;

/** Defines a workload: its parameters' schemas, and how a plan comes from their values. */
export function defineWorkload<Shape extends z.ZodRawShape>(definition: {
  readonly name: string;
  readonly title: string;
  readonly parameters: Shape;
  readonly independent?: boolean;
  plan(values: z.infer<z.ZodObject<Shape>>, context: WorkloadContext): WorkloadPlan | Promise<WorkloadPlan>;
}): WorkloadDefinition {
  const { name, title, parameters: shape, independent = false } = definition;
  return {
    name,
    title,
    independent,
    parameters: describeParameters(shape),
    async create(given, context) {
      const parameters = parseParameters(name, shape, given);
      const plan = await definition.plan(parameters, context);
      const defaults = { vmStateSizeBytes: 0, backingImage: false, inputs: [], notes: [] };
      return { name, title, parameters, independent, ...defaults, ...plan };
    },
  };
}
