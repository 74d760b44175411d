/** Makes the jobs that a plan's samples are: what a worker receives. */
import path from 'node:path';
import type { Cell } from '../../../results/record.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import type { StorageProbe } from '../../machine/probe.ts';
import type { ModelledDevice, NbdSampleJob, OwnSampleJob } from '../../sample/job.ts';
import type { QemuSampleJob } from '../../sample/qemu-sample.ts';
import { modelNamed, modelOfRecord } from '../plan/modelled-device.ts';
import { type BenchPlan, isForeign, type PlannedCell, workloadOf } from '../plan/plan.ts';

export interface RoutedJob {
  readonly job: OwnSampleJob | QemuSampleJob | NbdSampleJob;
  /** Root of the program whose worker takes the sample. */
  readonly root: string;
}

export class SampleJobs {
  readonly #plan: BenchPlan;
  readonly #probe: () => StorageProbe;

  constructor(plan: BenchPlan, probe: () => StorageProbe) {
    this.#plan = plan;
    this.#probe = probe;
  }

  /** The model of a cell; what `recorded` already holds comes first, as a resumed run must continue with the same device. */
  modelOf(cell: PlannedCell, recorded: Cell): ModelledDevice | null {
    if (isForeign(cell) || cell.device === null) return null;
    return modelOfRecord(recorded) ?? modelNamed(cell.device, this.#probe);
  }

  /** The job of one sample of the cell at `index`. A traced one also gives the device trace, where that is asked for. */
  jobOf(index: number, recorded: Cell, imageFile: string, traced: boolean): RoutedJob {
    const { pace } = this.#plan;
    const { workload: _, ...cell } = this.#plan.cells[index]!;
    const workload = workloadOf(this.#plan, this.#plan.cells[index]!);
    if (cell.engine === 'qemu') return { job: { imageFile, workload, cell, traced }, root: PROJECT_ROOT };
    if (cell.engine === 'nbd') return { job: { imageFile, workload, cell, traced }, root: PROJECT_ROOT };
    const device = this.modelOf(cell, recorded);
    const traceFile = traced ? this.#deviceTraceFile(cell.id) : null;
    const job: OwnSampleJob = {
      ...{ imageFile, workload, cell, traced },
      ...(pace !== null && { pace }),
      ...(device !== null && { device }),
      ...(traceFile !== null && { deviceTraceFile: traceFile }),
    };
    return { job, root: (cell.engine === 'cowbench' ? cell.source?.root : undefined) ?? PROJECT_ROOT };
  }

  /** One file a cell: the cell's name goes before the ending when there are several. */
  #deviceTraceFile(id: string): string | null {
    const { cells, session } = this.#plan;
    const { deviceTraceFile: file } = session;
    if (file === null || cells.length === 1) return file;
    const ending = path.extname(file);
    return `${file.slice(0, file.length - ending.length)}.${fileNameOf(id)}${ending}`;
  }
}

/** A cell's id as a part of a file name. */
export function fileNameOf(id: string): string {
  return id.replaceAll(/[^\w.+-]+/g, '-');
}
