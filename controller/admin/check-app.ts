/** `app check`: what each gateway of the app's site finds, and whether the app can be reached without them. */
import { minute, second } from '#shared/base/clock.ts';
import type { App } from '#shared/contracts/app.ts';
import type { AppChecked, CheckStep, GatewayFinding } from '#shared/contracts/app-check.ts';
import type { AdminParts } from '../from-admins/admin-parts.ts';
import { loadApps } from '../grants/load-facts.ts';
import type { Db } from '../store/open-store.ts';
import { isHostLocal, isThisHost, tryAround } from './try-around.ts';

type Parts = Pick<AdminParts, 'db' | 'clock' | 'streams' | 'checks'>;

/** One that was joined a moment ago is being started. */
const newFor = 5 * minute;
const startingMs = (isNew: boolean) => (isNew ? 30 : 3) * second;

export async function checkApp({ db, clock, streams, checks }: Parts, app: App): Promise<AppChecked> {
  const rows = await db
    .selectFrom('gateways')
    .select(['id', 'joined_at'])
    .where('site', '=', app.site)
    .where('state', '=', 'active')
    .orderBy('id')
    .execute();
  const now = clock.now();
  const found = await Promise.all(
    rows.map(async ({ id, joined_at }) => {
      const isNew = now - (joined_at ?? 0) < newFor;
      return { id, finding: await checks.ask(id, app.id, startingMs(isNew)) };
    }),
  );
  const gateways = await Promise.all(
    found.map(async ({ id, finding }) => ({
      gateway: id,
      answered: finding !== undefined,
      steps: finding === undefined ? [] : [...finding.steps, ...(await judgeRedirect(db, app, finding))],
      ...(finding?.pin === undefined ? {} : { pin: finding.pin }),
    })),
  );
  const findings = found.flatMap(({ finding }) => finding ?? []);
  const addresses = [...new Set(findings.flatMap((finding) => finding.addresses))];
  const isHere = found.some(({ id }) => isThisHost(streams.addressOf(id)));
  return {
    app: app.id,
    site: app.site,
    ok: gateways.length > 0 && gateways.every(isFine),
    gateways,
    around: await tryAround(app, { addresses, isHere }),
    notTested: notTested(app, addresses),
  };
}

function isFine({ answered, steps }: AppChecked['gateways'][number]): boolean {
  return answered && steps.every(({ result }) => result !== 'fail');
}

/** A browser follows a redirect by itself: what it finds there must be an app, or be meant to be open. */
async function judgeRedirect(db: Db, app: App, { redirect }: GatewayFinding): Promise<CheckStep[]> {
  const target = redirect === undefined ? null : URL.parse(redirect);
  if (target === null || app.kind !== 'http') return [];
  const host = target.hostname;
  const step = (result: CheckStep['result'], told: string, advice?: string): CheckStep[] => [
    { step: 'redirect', result, told: told.slice(0, 600), ...(advice === undefined ? {} : { advice }) },
  ];
  if (app.hosts.includes(host)) return step('ok', `${host} is the app itself`);
  const other = (await loadApps(db)).find((one) => one.kind === 'http' && one.hosts.includes(host));
  if (other !== undefined) return step('ok', `${host} is the app ${other.id}`);
  const isUpstream = host === new URL(app.upstream).hostname.replaceAll(/[[\]]/g, '');
  const advice = isUpstream
    ? `the app takes its own address for its name: set its public URL to https://${app.hosts[0]}, or --host-header`
    : `if that is a part of the app: posternctl app set ${app.id} --host ${app.hosts[0]} --host ${host}, or an app of its own`;
  return step('warn', `${host} is no app: browsers will go there without Postern`, advice);
}

/** What this check cannot know, said as plainly as what it found. */
function notTested(app: App, addresses: readonly string[]): string[] {
  const url = app.kind === 'http' ? `${app.upstream}/` : `telnet://${app.upstream}`;
  const isFar = addresses.some((address) => !isHostLocal(address));
  return [
    ...(isFar ? [`other networks; where employees are, this must fail: curl --connect-timeout 5 -k ${url}`] : []),
    "other ports and addresses of the app's host; on it: ss -ltn",
  ];
}
