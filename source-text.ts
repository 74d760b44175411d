/** Splits TypeScript sources into what people read (texts and comments) and the rest: enough of a lexer for checks of wording. */

export interface Passage {
  readonly kind: 'text' | 'comment';
  /** Counted from 1. */
  readonly line: number;
  readonly words: string;
}

/** Before these a slash begins a regular expression, otherwise it divides. */
const BEFORE_EXPRESSION = /(?:^|[([{,;=:!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|yield|await))\s*$/;

/** The texts and comments of `source`, in order. Parts of a template on both sides of a `${…}` are passages of their own. */
export function passagesOf(source: string): Passage[] {
  return new Lexer(source).all();
}

class Lexer {
  readonly #source: string;
  readonly #passages: Passage[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  all(): Passage[] {
    this.#code(() => false);
    return this.#passages;
  }

  /** Reads code up to its end, or to the brace that closes a part of a template. */
  #code(isEnd: (depth: number) => boolean): void {
    let depth = 0;
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at]!;
      if (char === '}' && isEnd(depth)) return;
      if (char === '{') depth++;
      if (char === '}') depth--;
      if (!this.#passage(char)) this.#at++;
    }
  }

  /** Reads a text, comment or regular expression that begins here; false when none does. */
  #passage(char: string): boolean {
    const next = this.#source[this.#at + 1];
    if (char === "'" || char === '"') this.#quoted(char);
    else if (char === '`') this.#template();
    else if (char === '/' && next === '/') this.#comment('\n', 0);
    else if (char === '/' && next === '*') this.#comment('*/', 2);
    else if (char === '/' && BEFORE_EXPRESSION.test(this.#source.slice(Math.max(0, this.#at - 12), this.#at)))
      this.#expression();
    else return false;
    return true;
  }

  #comment(end: string, length: number): void {
    const found = this.#source.indexOf(end, this.#at + 2);
    const stop = found < 0 ? this.#source.length : found;
    this.#add('comment', this.#at + 2, stop);
    this.#at = stop + length;
  }

  #quoted(quote: string): void {
    const start = this.#at + 1;
    this.#skipTo((char) => char === quote || char === '\n');
    this.#add('text', start, this.#at);
    this.#at++;
  }

  #expression(): void {
    let inClass = false;
    this.#skipTo((char) => {
      if (char === '[') inClass = true;
      if (char === ']') inClass = false;
      return (char === '/' && !inClass) || char === '\n';
    });
    this.#at++;
  }

  #template(): void {
    for (;;) {
      const start = this.#at + 1;
      this.#skipTo((char) => char === '`' || (char === '$' && this.#source[this.#at + 1] === '{'));
      this.#add('text', start, this.#at);
      if (this.#source[this.#at] !== '$') break;
      this.#at += 2;
      this.#code((depth) => depth === 0);
    }
    this.#at++;
  }

  /** Moves past the character here, and on to one that is an end; what a backslash precedes is none. */
  #skipTo(isEnd: (char: string) => boolean): void {
    this.#at++;
    while (this.#at < this.#source.length && !isEnd(this.#source[this.#at]!)) {
      this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    }
  }

  #add(kind: Passage['kind'], start: number, end: number): void {
    const words = this.#source.slice(start, end);
    const line = this.#source.slice(0, start).split('\n').length;
    this.#passages.push({ kind, line, words });
  }
}
