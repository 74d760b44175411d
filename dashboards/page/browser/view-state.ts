/**
 * What the reader has chosen, kept in the URL's fragment so that a reload and a link show the same view:
 * `#SECTION&name=value&…`. The section comes first and may be missing; a name without a value is not kept.
 */

export class ViewState {
  readonly #values = new Map<string, string>();
  #section = '';
  readonly #listeners: (() => void)[] = [];

  constructor() {
    this.#read(location.hash);
    addEventListener('hashchange', () => {
      // A link within the page names a section only: what was chosen stays.
      const { hash } = location;
      if (!hash.includes('=')) {
        this.#section = decodeURIComponent(hash.slice(1));
        if (this.#values.size > 0) this.#write();
        return;
      }
      this.#values.clear();
      this.#read(hash);
      for (const listener of this.#listeners) listener();
    });
  }

  /** Id of the section that the URL names; empty without one. */
  get section(): string {
    return this.#section;
  }

  get(name: string): string | null {
    return this.#values.get(name) ?? null;
  }

  /** Empty text takes the value out of the URL. */
  set(name: string, value: string): void {
    if (value === '') this.#values.delete(name);
    else this.#values.set(name, value);
    this.#write();
  }

  /** Calls `listener` when the URL asks for another view. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #read(hash: string): void {
    const [first = '', ...rest] = hash.slice(1).split('&');
    const named = first.includes('=');
    this.#section = named ? '' : decodeURIComponent(first);
    const text = (named ? [first, ...rest] : rest).join('&');
    for (const [name, value] of new URLSearchParams(text)) this.#values.set(name, value);
  }

  #write(): void {
    const values = new URLSearchParams([...this.#values]).toString();
    const parts = [encodeURIComponent(this.#section), values].filter((part) => part !== '');
    history.replaceState(history.state, '', `#${parts.join('&')}`);
  }
}
