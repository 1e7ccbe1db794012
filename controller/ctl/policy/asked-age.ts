/** The age of `--second-factor-age SECONDS|never`. */
import type { CliCall } from '#shared/base/cli.ts';
import { misuse, option } from '../show.ts';

/** Seconds; negative for never; undefined when it was not given. */
export function askedAge(call: CliCall): number | undefined {
  const text = option(call, 'second-factor-age');
  if (text === undefined) return undefined;
  if (text === 'never') return -1;
  if (!/^\d{1,9}$/.test(text)) throw misuse('--second-factor-age is a number of seconds, or "never"');
  return Number(text);
}
