/** Facts of one person on one device, good in every respect, and policies to decide them by. */
import { compilePolicies } from '../../controller/policy/compile-policies.ts';
import type { Facts, PostureFact, Question } from '../../controller/policy/facts.ts';
import type { Known, KnownApp } from '../../controller/policy/known.ts';
import type { PolicySet } from '../../controller/policy/policy-set.ts';

/** A Tuesday, 10:00 UTC. */
export const tuesday = Date.parse('2026-11-10T10:00:00Z');
export const hourMs = 3_600_000;

export const goodFact = (value: PostureFact['value'], at = tuesday): PostureFact => ({
  value,
  status: 'pass',
  source: 'self',
  measuredAt: at - 1000,
  goodUntil: at + hourMs,
});

export const goodPosture: Facts['device']['posture'] = {
  diskEncrypted: goodFact(true),
  firewallOn: goodFact(true),
  screenLock: goodFact(true),
  screenLockSeconds: goodFact(300),
  secureBoot: goodFact(true),
  antivirusOn: goodFact(true),
  osUpdated: goodFact(true),
  osSupported: goodFact(true),
  patchAgeDays: goodFact(3),
  osMajor: goodFact(24),
  os: goodFact('linux'),
  osVersion: goodFact('ubuntu 24.04'),
};

export const goodFacts: Facts = {
  v: 1,
  person: { id: 'alice', name: 'Alice', role: 'employee', state: 'active', risk: 0, groups: ['staff'] },
  device: {
    id: 'dev_00000001',
    state: 'active',
    ownership: 'company',
    certificateEndsAt: tuesday + 20 * hourMs,
    posture: goodPosture,
    checks: { agent: goodFact(true) },
  },
  session: {
    id: 'ses_00000001',
    methods: ['password', 'totp'],
    startedAt: tuesday - hourMs,
    endsAt: tuesday + 11 * hourMs,
    secondFactorAt: tuesday - 600_000,
  },
  network: { address: '10.1.2.3' },
  timezone: 'Europe/Zurich',
};

export const wiki = { id: 'wiki', kind: 'http', site: 'main', groups: ['internal'] };

export function ask(over: Partial<Question> = {}): Question {
  return { facts: goodFacts, app: wiki, act: 'request', at: tuesday, ...over };
}

export const get = (path: string, operation = '') => ({ method: 'GET', host: 'wiki.test', path, query: '', operation });

export function withPosture(key: string, fact: PostureFact | undefined): Facts {
  const { [key]: _, ...others } = goodPosture;
  return {
    ...goodFacts,
    device: { ...goodFacts.device, posture: fact === undefined ? others : { ...others, [key]: fact } },
  };
}

/** Throws when the text does not compile: a test that means to fail asks `compilePolicies` itself. */
export function compile(text: string, epoch = 1): PolicySet {
  const { set, problems } = compilePolicies([{ id: 'test', text }], epoch);
  if (set === undefined) throw new Error(JSON.stringify(problems));
  return set;
}

/** What exists where these tests are. */
export const someNames: Known = {
  people: new Set(['alice']),
  groups: new Map([
    ['staff', []],
    ['finance', ['staff']],
  ]),
  apps: new Map<string, KnownApp>([
    [
      'wiki',
      {
        id: 'wiki',
        kind: 'http',
        site: 'main',
        groups: ['internal'],
        hosts: ['wiki.test'],
        operations: { export: 'POST /reports/*/export' },
      },
    ],
    ['ssh', { id: 'ssh', kind: 'tcp', site: 'main' }],
  ]),
  appGroups: new Set(['internal']),
  checks: new Set(['agent']),
  timezone: 'Europe/Zurich',
};
