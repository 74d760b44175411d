import type { Alteration } from '../states/alteration.ts';

/** A deliberate mistake. */
export interface Mutant extends Alteration {
  readonly name: string;
  readonly title: string;
  /** Name of what it is compared with: the policy with that alteration. Default: the policy alone. */
  readonly against?: string;
  /** The stages make this mistake themselves; `against` fixes it. */
  readonly isHistory?: true;
  /** In a mechanism that history does not have. */
  readonly isLater?: true;
}
