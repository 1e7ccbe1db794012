/**
 * The same answer in two wordings; employees have theirs (`fixes.ts`). An admin all of it, with file
 * and line and what would help; an auditor what was so, and nothing that was not.
 */
import { allowReasons, denyReasons, type Reason } from '#shared/contracts/reasons.ts';
import type { ConditionNote, Explanation, PolicyNote } from './explain.ts';
import type { FactNote, Wanted } from './fact-notes.ts';
import { tellAge } from './fact-state.ts';
import type { Smallest } from './smallest-changes.ts';

const reasonTexts: Readonly<Record<Reason, string>> = { ...allowReasons, ...denyReasons };
export const reasonText = (reason: string): string => reasonTexts[reason as Reason] ?? 'This reason is not known here.';

/** `changes`: when the smallest ones were searched. */
export function adminWords(explanation: Explanation, at: number, changes?: Smallest): string[] {
  return [...auditorWords(explanation, at), ...(changes === undefined ? [] : changeWords(changes))];
}

export function auditorWords({ verdict, policies, facts }: Explanation, at: number): string[] {
  return [
    ...verdict.reasons.map((reason) => `${verdict.verdict}: ${reason}. ${reasonText(reason)}`),
    ...verdict.errors.map((error) => `error: ${error}`),
    ...policies.flatMap(policyWords),
    ...(facts.length === 0 ? [] : ['facts', ...facts.map((fact) => `  ${factWords(fact, at)}`)]),
  ];
}

const outcomes = {
  holds: 'holds',
  'does-not-hold': 'does not hold',
  open: 'holds for some requests',
  errs: 'could not be evaluated',
} as const;

function policyWords({ name, file, line, effect, reason, outcome, conditions }: PolicyNote): string[] {
  const said = reason === undefined ? '' : `: ${reason}`;
  return [
    `policy ${name} (${effect}, ${file}.cedar:${line}) ${outcomes[outcome]}${said}`,
    ...conditions.map(conditionWords),
  ];
}

const conditionWords = ({ text, outcome, error }: ConditionNote): string =>
  `  ${outcome.padEnd(5)}  ${text}${error === undefined ? '' : ` (${error})`}`;

const states = {
  passed: '',
  failed: 'failed',
  unknown: 'the device could not find out',
  stale: 'stale',
  'never-reported': 'never reported',
} as const;

/** `session.secondFactorAge = 10,800 s, wanted < 900 s (sign-in, 3 h before)`. */
function factWords({ path, value, source, measuredAt, goodUntil, state, wanted }: FactNote, at: number): string {
  const fresh = state === 'passed' || state === 'failed';
  const more = [
    state === undefined ? '' : states[state],
    source === 'none' ? '' : source,
    measuredAt === undefined ? '' : `${tellAge(Math.max(0, at - measuredAt))} before`,
    fresh && goodUntil !== undefined ? `good for ${tellAge(Math.max(0, goodUntil - at))} more` : '',
  ].filter((part) => part !== '');
  const said = new Set(wanted.map(wantedWords));
  return `${path} = ${value}${[...said].join('')}${more.length === 0 ? '' : ` (${more.join(', ')})`}`;
}

function wantedWords({ text, met }: Wanted): string {
  if (met === undefined) return `, ${text.startsWith('compared') ? text : `wanted ${text}`}`;
  return met ? `, as wanted: ${text}` : `, wanted ${text}`;
}

function changeWords({ sets, complete }: Smallest): string[] {
  const search = complete ? [] : ['The search ended at its limit: there may be other, smaller ways.'];
  if (sets.length === 0) return ['No change that Postern knows of would allow it: it takes another policy.', ...search];
  const lists = sets.flatMap((set, index) => [
    index === 0 ? 'it would be allowed with' : 'or with',
    ...set.map(({ text, by }) => `  - ${text}${by === 'admin' ? ' [administrator]' : ''}`),
  ]);
  return [...lists, ...search];
}
