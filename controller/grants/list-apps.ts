/**
 * The apps of one person on one device: those usable now, and those that would be after something this person can do about
 * their own factors or device. Others are not there (P12).
 */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { App } from '#shared/contracts/app.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { couldAllow } from '../policy/decide.ts';
import type { Facts } from '../policy/facts.ts';
import { findFixes } from '../policy/fixes.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import type { Decider } from './decider.ts';
import { appFacts, loadApps, loadFacts } from './load-facts.ts';

export interface ListAsk {
  readonly device: string;
  readonly session: string | undefined;
  readonly address: string;
}

export async function listApps(db: Db, decider: Decider, ask: ListAsk, at: number): Promise<AppListed[]> {
  const facts = await loadFacts(db, { ...ask, timezone: decider.timezone });
  // Without standing nothing can be used, and nothing is told of what could be.
  if (facts === undefined || facts.session === null || at >= facts.session.endsAt) return [];
  if (facts.device.state !== 'active' || facts.person.state !== 'active') return [];
  const { checks } = await readPostureSettings(db);
  const listed: AppListed[] = [];
  for (const app of await loadApps(db)) {
    const shown = judgeApp(decider, { app, facts, at, checks });
    if (shown !== undefined) listed.push(shown);
  }
  return listed;
}

interface Judging {
  readonly app: App;
  readonly facts: Facts;
  readonly at: number;
  readonly checks: Parameters<typeof findFixes>[2];
}

function judgeApp(decider: Decider, { app, facts, at, checks }: Judging): AppListed | undefined {
  const act = app.kind === 'http' ? 'request' : 'connect';
  const question = { facts, app: appFacts(app), act, at } as const;
  const set = decider.policy();
  if (couldAllow(set, question).verdict === 'allow') return describe(app, true, []);
  const fixes = findFixes(set, question, checks);
  return fixes.some(({ kind }) => kind === 'ask-admin') ? undefined : describe(app, false, fixes);
}

const whyTexts: Partial<Record<Fix['kind'], string>> = {
  'second-factor': 'Your second factor must be confirmed.',
  posture: 'This device must be put right first.',
  time: 'It is not open at this time.',
};

function describe(app: App, usable: boolean, fixes: readonly Fix[]): AppListed {
  const why = usable ? [] : [...new Set(fixes.map(({ kind }) => whyTexts[kind] ?? 'It cannot be used now.'))];
  return {
    id: app.id,
    name: app.name,
    ...(app.description === undefined ? {} : { description: app.description }),
    kind: app.kind,
    ...(app.kind === 'http' ? { hosts: [...app.hosts] } : { hosts: [app.host], port: app.port }),
    usable,
    ...(why.length === 0 ? {} : { why: why.join(' ') }),
    fixes: [...fixes],
  };
}
