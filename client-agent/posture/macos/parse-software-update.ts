/** Values of /Library/Preferences/com.apple.SoftwareUpdate as `defaults read` prints them. */

/** `2026-11-18 07:02:11 +0000`, in ms. */
export function parseDefaultsDate(output: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) \+0000$/.exec(output.trim());
  const date = match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN;
  return Number.isFinite(date) ? date : undefined;
}

export function parseCount(output: string): number | undefined {
  const digits = /^\d{1,4}$/.exec(output.trim())?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** `RecommendedUpdates`: an array of dictionaries, of which each has an `Identifier` or a `"Product Key"`. */
export function parseRecommended(output: string): string[] | undefined {
  const text = output.trim();
  if (!text.startsWith('(') || !text.endsWith(')')) return undefined;
  const entries = text.split('{').length - 1;
  const names = [...text.matchAll(/^\s*Identifier = "?([^";\n]{1,200})"?;$/gm)].map((match) => match[1]!);
  return names.length === entries ? names : undefined;
}
