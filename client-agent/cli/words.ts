/** Times and states in words, for the terminal. */
import type { CliCall } from '#shared/base/cli.ts';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { AgentState, Hold } from '../agent-api.ts';
import type { Trouble } from '../diagnosis/legs.ts';

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

/** `30m`, `12h`, `30d`: milliseconds. `what` is the option it stands behind. Throws `bad-request`. */
export function readSpan(what: string, given: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})(m|h|d)$/.exec(given) ?? [];
  if (unit === undefined) throw new PosternError('bad-request', `${what} is a time like 30m, 12h or 30d`);
  return Number(count) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'm' | 'h' | 'd'];
}

export const ago = (ms: number): string => (ms < 1000 ? 'now' : `${span(ms)} ago`);

/** The leg that fails, and what to do. */
export const troubleWords = ({ says, fix }: Trouble): string => safeText(fix === undefined ? says : `${says} ${fix}`);

/** How the agent lists addresses of real names among its own. */
export const realName = 'real name ';

/** ` (client ci)`, or nothing. */
export const forClient = (client: string | undefined): string => (client === undefined ? '' : ` (client ${client})`);

const signIns: Readonly<Partial<Record<ErrorCode, string>>> = {
  'session-required': 'postern login',
  'session-idle': 'postern login',
  'sign-in-again': 'postern login --again',
};

/** What a person runs for a request that waits for them. */
export const commandFor = ({ kind, code }: Pick<Hold, 'kind' | 'code'>): string =>
  kind === 'step-up' ? (signIns[code] ?? 'postern login --step-up') : 'postern posture';

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

/** How a door is reached, and which ways to it have failed how. */
export function wayWords({ address, rung, isFailing, failedMsAgo = 0, failures }: AgentState['ways'][number]): string {
  const failed = failures.map((one) => `${one.rung}: ${one.detail}`).join('; ');
  if (isFailing) return safeText(`${address} was not reached at the last try, ${ago(failedMsAgo)}: ${failed}`);
  return safeText(`${rung ?? 'unknown'}, ${address}${failed === '' ? '' : ` (failed before: ${failed})`}`);
}
