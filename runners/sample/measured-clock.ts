/**
 * The time that counts: wall and CPU time of the stretches in which the engine serves requests. Between them the clock
 * stands still, so that reading a trace and making guest data are not measured.
 */
import { REAL_TIME, type TimeSource } from './time-source.ts';

export class MeasuredClock {
  readonly time: TimeSource;
  #wallNs = 0;
  #userNs = 0;
  #systemNs = 0;
  #startNs = 0;
  #startCpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  readonly #inPauses: ((zeroNs: number) => void)[] = [];

  constructor(time: TimeSource = REAL_TIME) {
    this.time = time;
  }

  get wallNs(): number {
    return this.#wallNs;
  }

  get userCpuNs(): number {
    return this.#userNs;
  }

  get systemCpuNs(): number {
    return this.#systemNs;
  }

  /** `work` is done each time that the clock stops, and takes no measured time. It gets what the time source reads at measured time 0. */
  inPauses(work: (zeroNs: number) => void): void {
    this.#inPauses.push(work);
  }

  /** Runs `work` on the clock. */
  run<Result>(work: () => Result): Result {
    this.#startCpu = process.cpuUsage();
    this.#startNs = this.time.nowNs();
    try {
      return work();
    } finally {
      const zeroNs = this.#startNs - this.#wallNs;
      this.#wallNs += this.time.nowNs() - this.#startNs;
      const cpu = process.cpuUsage(this.#startCpu);
      this.#userNs += cpu.user * 1000;
      this.#systemNs += cpu.system * 1000;
      for (const work of this.#inPauses) work(zeroNs);
    }
  }

  /** Measured time at the moment that the time source read `nowNs`, inside {@link run}. */
  at(nowNs: number): number {
    return this.#wallNs + nowNs - this.#startNs;
  }
}
