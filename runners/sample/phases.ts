/** The named parts of a replay, as its marks come by. */
import type { SampleResult } from '../../results/sample-protocol.ts';

interface PhaseMark {
  readonly name: string;
  readonly firstRequest: number;
}

export class Phases {
  readonly #marks: PhaseMark[] = [];

  /** The phase `name` begins with request `firstRequest`. */
  begin(name: string, firstRequest: number): void {
    this.#marks.push({ name, firstRequest });
  }

  /** A phase lasts until the next one begins; one without requests (another transform dropped them) is left out. */
  of(served: number): SampleResult['phases'] {
    return this.#marks
      .map((mark, index) => ({ ...mark, lastRequest: (this.#marks[index + 1]?.firstRequest ?? served) - 1 }))
      .filter((phase) => phase.lastRequest >= phase.firstRequest);
  }
}
