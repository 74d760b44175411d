/** Text from images and file systems, safe to show: what could move a cursor, change colours or reorder a line is escaped. */

/** Control and format characters (C0, C1, bidirectional overrides) and line separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `text` with every unsafe character as `\xNN` or `\u{NNNN}`; a backslash stays as it is. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** `value` as JSON of the usual four-space form, ASCII control characters and unsafe ones escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 4).replace(UNSAFE, (character) => {
    if (character === '\n') return character;
    return character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
  });
}
