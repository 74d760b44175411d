/** A Markdown table, line by line. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)];
}

/** Results may come from other machines: their words are no markup. */
export function escaped(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll(/[|[\]]/g, '\\$&');
}
