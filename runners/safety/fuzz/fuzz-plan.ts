/** Which image gets which damage: the whole of a run is in its base images and its seed. */
import type { BaseImage } from './base-images.ts';
import { type Damage, damageOf } from './damage.ts';
import { type LaidOutImage, layoutOf } from './image-fields.ts';

/** Images of this size cost ten times as much as the others, and get their turn less often. */
const HEAVY_BYTES = 4 * 1024 ** 2;
/** Turns of each light image for one of each heavy image. */
const TURNS = 4;

export interface FuzzImage {
  readonly baseName: string;
  readonly base: Uint8Array;
  readonly clusterBytes: number;
  readonly damage: Damage;
  /** Seed of the requests. */
  readonly seed: number;
}

interface PlannedImage extends LaidOutImage {
  readonly name: string;
  readonly turnsPerRound: number;
  /** The how manieth turn of its round this is. */
  readonly turn: number;
}

export class FuzzPlan {
  readonly #seed: number;
  readonly #round: readonly PlannedImage[];

  /** `seed` is a whole number below 2^21. */
  constructor(bases: readonly BaseImage[], seed: number) {
    this.#seed = seed;
    const targets = bases.map(({ name, bytes }) => ({ name, bytes, layout: layoutOf(bytes) }));
    this.#round = Array.from({ length: TURNS }, (_, turn) =>
      targets.flatMap((target): PlannedImage[] => {
        const turnsPerRound = target.bytes.length > HEAVY_BYTES ? 1 : TURNS;
        return turn < turnsPerRound ? [{ ...target, turnsPerRound, turn }] : [];
      }),
    ).flat();
  }

  /** Image number `index`, a whole number from 0. */
  imageAt(index: number): FuzzImage {
    const target = this.#round[index % this.#round.length]!;
    const round = Math.floor(index / this.#round.length);
    return {
      baseName: target.name,
      base: target.bytes,
      clusterBytes: target.layout.clusterBytes,
      damage: damageOf(target, round * target.turnsPerRound + target.turn, this.#seed),
      seed: this.#seed * 2 ** 32 + index,
    };
  }

  /** Every name of a field that the plan aims at. */
  fieldNames(): Set<string> {
    return new Set(this.#round.flatMap(({ layout }) => layout.fields.map(({ name }) => name)));
  }
}
