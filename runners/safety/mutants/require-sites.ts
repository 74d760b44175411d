/**
 * A policy around the policy under examination that does not hear one place in the image code state its order: it tells the places
 * apart by who calls it.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CachedTable, CachePolicy, Order } from '../../../engine/index.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { MutantPolicy } from './mutant-policy.ts';

/** `engine/image/FILE.ts:LINE` */
export type RequireSite = string;

const CALLER = /\((?<url>file:.*):(?<line>\d+):\d+\)$|at (?<bareUrl>file:.*):(?<bareLine>\d+):\d+$/;

/** Never hears of the orders stated at `site`; says which sites it heard of. */
export class DeafToSitePolicy extends MutantPolicy {
  readonly #site: RequireSite | null;
  readonly #heard: (site: RequireSite) => void;

  constructor(inner: CachePolicy, site: RequireSite | null, heard: (site: RequireSite) => void = () => {}) {
    super(inner);
    this.#site = site;
    this.#heard = heard;
  }

  override require(order: Order, table?: CachedTable): void {
    const site = callerOf(new Error().stack ?? '');
    this.#heard(site);
    if (site !== this.#site) super.require(order, table);
  }
}

/** Two calls up: the one that states the order. */
function callerOf(stack: string): RequireSite {
  const { groups } = CALLER.exec(stack.split('\n')[2] ?? '') ?? {};
  const url = groups?.url ?? groups?.bareUrl;
  if (url === undefined) throw new Error(`no caller in the stack:\n${stack}`);
  return `${path.relative(PROJECT_ROOT, fileURLToPath(url))}:${groups?.line ?? groups?.bareLine}`;
}
