/** Times and states in words, for the terminal. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `5 min`, `2 h`; whole units. */
export function span(ms: number): string {
  const [unit, size] = units.find(([, least]) => Math.abs(ms) >= least) ?? units[3];
  return `${Math.trunc(Math.abs(ms) / size)} ${unit}`;
}

export const ago = (ms: number): string => (ms < 1000 ? 'now' : `${span(ms)} ago`);

/** One fact a line, under each other: `name:   text`. */
export function printFacts(call: CliCall, facts: readonly (readonly [name: string, text: string])[]): void {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  for (const [name, text] of facts) call.io.out(`${`${name}:`.padEnd(width)} ${safeText(text)}`);
}

/** With `--json` the value as it is, else what `print` writes. */
export function answer(call: CliCall, value: unknown, print: () => void): void {
  if (call.json) call.io.out(JSON.stringify(value));
  else print();
}
