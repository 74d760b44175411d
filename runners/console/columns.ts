/** Text in two columns, and paragraphs, within the width of a terminal. */

const INDENT = '  ';
/** A left column is never wider: what is longer has a line of its own. */
const LEFT_MAX = 28;
const LEFT_MIN = 10;

/** Each row's left part, and next to it its right part in as many lines as it takes. */
export function column(rows: readonly (readonly [string, string])[], width: number): string[] {
  const fitting = rows.map(([left]) => left.length).filter((length) => length <= LEFT_MAX);
  const leftWidth = Math.max(LEFT_MIN, ...fitting);
  const edge = ' '.repeat(INDENT.length + leftWidth + INDENT.length);
  return rows.flatMap(([left, right]) => {
    const lines = wrapped(right, width - edge.length);
    const head = `${INDENT}${left.padEnd(leftWidth)}${INDENT}`;
    if (left.length > leftWidth) return [INDENT + left, ...lines.map((line) => edge + line)];
    return lines.length === 0 ? [head.trimEnd()] : lines.map((line, index) => (index === 0 ? head : edge) + line);
  });
}

/** `text` broken at blanks into lines of at most `width` characters; a longer word has a line of its own. Keeps an indent. */
export function wrapped(text: string, width: number): string[] {
  const indent = /^ */.exec(text)![0];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/).filter((part) => part !== '')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, indent + line];
}
