/**
 * The apps of one person on one device: those usable now, and those that would be after something this person can do about
 * their own factors or device. Others are not there (P12).
 */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { couldAllow } from '../policy/decide-partly.ts';
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
  const apps = await loadApps(db);
  const listed: AppListed[] = [];
  for (const app of apps) {
    const shown = judgeApp(decider, { app, facts, at, checks });
    if (shown !== undefined) listed.push(shown);
  }
  const shown = new Set(listed.map(({ id }) => id));
  const others = apps.flatMap((app) => (app.kind === 'http' && !shown.has(app.id) ? app.hosts : []));
  return listed.map((app) => withoutHosts(app, new Set(others)));
}

/** No page of an app that this person may not use runs here, and its name is not told (P12). */
function withoutHosts(app: AppListed, hosts: ReadonlySet<string>): AppListed {
  if (app.allowOrigins === undefined) return app;
  return { ...app, allowOrigins: app.allowOrigins.filter((origin) => !hosts.has(URL.parse(origin)?.hostname ?? '')) };
}

interface Judging {
  readonly app: App;
  readonly facts: Facts;
  readonly at: number;
  readonly checks: Parameters<typeof findFixes>[2];
}

function judgeApp(decider: Decider, { app, facts, at, checks }: Judging): AppListed | undefined {
  const act = app.kind === 'http' ? 'request' : 'connect';
  const question = { facts, app: appFacts(app), act, at, networkUnknown: true } as const;
  const set = decider.policy();
  if (couldAllow(set, question).verdict === 'allow') return describe(app, true, []);
  const fixes = findFixes(set, question, checks);
  return fixes.some(({ kind }) => kind === 'ask-admin') ? undefined : describe(app, false, fixes);
}

const whyTexts: Partial<Record<Fix['kind'], string>> = {
  'second-factor': 'Your second factor must be confirmed.',
  posture: 'This device must be put right first.',
  time: 'It is not open at this time.',
  network: 'It is not open from this network.',
  'sign-in': 'You must sign in again first.',
};

function describe(app: App, usable: boolean, fixes: readonly Fix[]): AppListed {
  const kinds = usable ? [] : fixes.flatMap(({ kind }) => (kind === 'told' ? [] : kind));
  const why = [...new Set(kinds.map((kind) => whyTexts[kind] ?? 'It cannot be used now.'))];
  return {
    id: app.id,
    name: app.name,
    ...(app.description === undefined ? {} : { description: app.description }),
    kind: app.kind,
    ...(app.kind === 'http' ? httpFacts(app) : { hosts: [app.host], port: app.port }),
    usable,
    ...(why.length === 0 ? {} : { why: why.join(' ') }),
    fixes: [...fixes],
  };
}

function httpFacts({ hosts, allowOrigins = [], crossSite }: HttpApp): Partial<AppListed> & Pick<AppListed, 'hosts'> {
  return {
    hosts: [...hosts],
    ...(allowOrigins.length === 0 ? {} : { allowOrigins: [...allowOrigins] }),
    ...(crossSite === 'allow' ? { crossSite } : {}),
  };
}
