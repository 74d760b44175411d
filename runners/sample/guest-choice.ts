/**
 * Chooses guest requests by what the guest sends alone, so that every policy keeps the same ones: of each kind the largest, and the
 * flush that follows the most writes; the first of equals. Where requests are served together, who shares with whom depends on the
 * policy: nothing is chosen then.
 */
interface SentRequest {
  readonly op: string;
  readonly length: number;
}

export class GuestChoice {
  readonly #most = new Map<string, number>();
  #changesSinceFlush = 0;
  #isShared = false;

  /** False when what was chosen is not the same under every policy. */
  get holds(): boolean {
    return !this.#isShared;
  }

  /** True when `requests` take the place of what was chosen of their kind so far. To be called for each request of the stream. */
  takes(requests: readonly [SentRequest, ...SentRequest[]]): boolean {
    const [{ op, length }] = requests;
    this.#isShared ||= requests.length > 1;
    const size = op === 'flush' ? this.#changesSinceFlush : length;
    if (op === 'flush') this.#changesSinceFlush = 0;
    else if (op !== 'read' && length > 0) this.#changesSinceFlush++;
    if (this.#isShared || size <= (this.#most.get(op) ?? 0)) return false;
    this.#most.set(op, size);
    return true;
  }
}

/** How such a request is called. */
export function chosenTitle(op: string): string {
  const which = op === 'flush' ? 'the guest flush after the most writes' : `the largest guest ${op}`;
  return `${which}, the same for all policies`;
}
