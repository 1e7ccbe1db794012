/** One thing that could be otherwise, and what would then be decided. */
import type { Fix } from '#shared/contracts/sign-in.ts';
import type { Facts, PostureFact, Question } from './facts.ts';

const changeKinds = [
  'sign-in',
  'second-factor',
  'factor',
  'posture',
  'network',
  'time',
  'request',
  'group',
  'role',
  'risk',
  'ownership',
  'person-state',
  'device-state',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  readonly kind: ChangeKind;
  /** Who can make it: the person, on their own or with their device, or an administrator. */
  readonly by: 'self' | 'admin';
  /** Changes of one slot exclude each other. */
  readonly slot: string;
  /** For admins: it names policies' thresholds, groups and ranges. */
  readonly text: string;
  /** For the person (P12); only what they can change has one. */
  readonly fix?: Fix;
  readonly suppose: (question: Question) => Question;
}

export function supposeAll(question: Question, changes: readonly Change[]): Question {
  let supposed = question;
  for (const { suppose } of changes) supposed = suppose(supposed);
  return supposed;
}

export const withPerson = (question: Question, over: Partial<Facts['person']>): Question => ({
  ...question,
  facts: { ...question.facts, person: { ...question.facts.person, ...over } },
});

export const withDevice = (question: Question, over: Partial<Facts['device']>): Question => ({
  ...question,
  facts: { ...question.facts, device: { ...question.facts.device, ...over } },
});

export const withSession = (question: Question, session: NonNullable<Facts['session']>): Question => ({
  ...question,
  facts: { ...question.facts, session },
});

/** As if it had just been measured. */
export const passedNow = (value: PostureFact['value'], at: number): PostureFact => ({
  value,
  status: 'pass',
  source: 'self',
  measuredAt: at,
  goodUntil: at + 60_000,
});
