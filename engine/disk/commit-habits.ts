/**
 * Who is about to ask for durability: a requester that has changed something and is used to asking afterwards. A flush that waits a
 * moment for those covers them as well; without that, requesters that commit at the same pace split into two groups that take turns.
 */
export class CommitHabits {
  /** Requesters that have asked, and have not been waited for in vain since. */
  readonly #used = new Set<unknown>();
  /** Those of them that have changed something since they asked last. */
  readonly #expected = new Set<unknown>();

  get expected(): number {
    return this.#expected.size;
  }

  changed(requester: unknown): void {
    if (this.#used.has(requester)) this.#expected.add(requester);
  }

  asked(requester: unknown): void {
    this.#used.add(requester);
    this.#expected.delete(requester);
  }

  /** Those who are expected have not come: they are not waited for until they have asked again. */
  missed(): void {
    for (const requester of this.#expected) this.#used.delete(requester);
    this.#expected.clear();
  }

  /** The requester is gone. */
  forget(requester: unknown): void {
    this.#used.delete(requester);
    this.#expected.delete(requester);
  }
}
