/** What the official engine's validator warns of, under names of ours: found while parsing, silenced as every lint is. */
import type { Lint } from './lint.ts';

const told = (id: string, about: string): Lint => ({ id, severity: 'warning', about, find: () => [] });

export const neverHolds = told('never-holds', 'The types alone say that the policy cannot hold for any request.');
export const confusingText = told(
  'confusing-text',
  'A name or text with letters that look like others: mixed scripts, hidden marks.',
);

export const engineLintOf = (message: string): string =>
  /impossible|applicable action/.test(message) ? neverHolds.id : confusingText.id;
