/** The admin API: a draft that runs beside the version in force, and where the two disagree about real decisions. */
import { type Static, Type } from 'typebox';
import { directions } from './admin-analysis.ts';
import { policyFile } from './admin-objects.ts';
import { appId, durationMs, madeId, oneOf, slug, strict, text, time, trace } from './common.ts';
import { defineContract } from './route.ts';

const count = Type.Integer({ minimum: 0 });

export const shadowRun = strict({
  id: madeId,
  by: text(100),
  startedAt: time,
  endsAt: time,
  endedAt: Type.Optional(time),
  /** `failed`: its thread ended; `unreadable`: it did not compile after a restart. */
  endedBecause: Type.Optional(oneOf(['time', 'stopped', 'failed', 'unreadable'])),
  policyFiles: count,
  judged: count,
  disagreed: count,
  /** The draft looks at what was left open at the decision. */
  undetermined: count,
  /** Decisions at which the draft broke, and those that it was too slow for. */
  failed: count,
  missed: count,
});

export const shadowDisagreement = strict({
  direction: oneOf(directions),
  person: slug,
  app: appId,
  /** By the draft; for an allow that it does not give, the policies that gave it. */
  reason: text(64),
  policies: Type.Array(text(128)),
  count,
  first: time,
  last: time,
  /** Of the last. */
  trace,
});

export const shadowShown = strict({ run: shadowRun, disagreements: Type.Array(shadowDisagreement) });
export type ShadowShown = Static<typeof shadowShown>;

export const adminShadow = defineContract({
  startShadow: {
    method: 'POST',
    path: '/v1/admin/policy/shadow',
    summary: 'Let a draft judge each real decision beside the version in force; it decides nothing',
    access: 'admin',
    maxBody: 4 * 1024 * 1024,
    body: strict({ files: Type.Array(policyFile), forMs: durationMs }),
    answer: shadowRun,
  },
  shadow: {
    method: 'GET',
    path: '/v1/admin/policy/shadow',
    summary: 'The draft that runs, or ran last, and where it disagrees',
    access: 'reader',
    query: strict({ limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })) }),
    answer: strict({ last: Type.Optional(shadowShown), former: Type.Array(shadowRun) }),
  },
  stopShadow: {
    method: 'POST',
    path: '/v1/admin/policy/shadow/stop',
    summary: 'End the draft beside the version in force; what it has found stays',
    access: 'admin',
    body: strict({}),
    answer: shadowShown,
  },
});
