/** Tables for people at a terminal. */

export type Cell = string | number | boolean | null | undefined;

/**
 * Text without control characters: a device's or person's name must not move the cursor, change a title or fake a line of
 * an admin's terminal.
 */
export function safeText(text: string): string {
  // Control characters and those that reorder or hide text (bidirectional marks, zero width).
  return text.replaceAll(/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, '\ufffd');
}

/** Rows under the headings of their members, in the order of `columns` or of the first row; numbers to the right. */
export function printTable(rows: readonly Readonly<Record<string, Cell>>[], columns?: readonly string[]): string {
  const names = columns ?? Object.keys(rows[0] ?? {});
  if (rows.length === 0) return '(none)';
  const cells = rows.map((row) => names.map((name) => show(row[name])));
  const widths = names.map((name, at) => Math.max(width(name), ...cells.map((row) => width(row[at]!))));
  const isNumeric = names.map((name) => rows.every((row) => typeof (row[name] ?? 0) === 'number'));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => {
        const space = ' '.repeat(widths[at]! - width(text));
        return isNumeric[at] ? space + text : text + space;
      })
      .join('  ')
      .trimEnd();
  return [line(names.map((name) => name.toUpperCase())), ...cells.map(line)].join('\n');
}

function show(cell: Cell): string {
  if (cell === undefined || cell === null) return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return safeText(String(cell));
}

/** In characters; wide ones (CJK) count twice. */
function width(text: string): number {
  let sum = 0;
  for (const character of text) {
    sum += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      character,
    )
      ? 2
      : 1;
  }
  return sum;
}
