/** One screen: green, or what to do, in plain words. */
import { day, hour, minute } from '#shared/base/clock.ts';
import type { adminSystem } from '#shared/contracts/admin-system.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import product from '../../package.json' with { type: 'json' };
import type { AdminParts } from '../from-admins/admin-parts.ts';
import { loadApps } from '../grants/load-facts.ts';
import { findLogState } from '../log/log-state.ts';
import { countUnreadable } from '../log/tell-unreadable.ts';
import { readAnchors } from '../log-anchors/anchor-rows.ts';
import { showStreams } from '../log-streams/change-streams.ts';
import { readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import { type GatewayShown, showGateways } from './show-gateways.ts';

export type Status = AnswerOf<(typeof adminSystem)['status']>;
type StatusParts = Pick<
  AdminParts,
  | 'db'
  | 'clock'
  | 'settings'
  | 'authority'
  | 'policy'
  | 'streams'
  | 'conditions'
  | 'generation'
  | 'reserve'
  | 'services'
  | 'sealer'
  | 'logStreams'
>;

export async function showStatus(parts: StatusParts): Promise<Status> {
  const { db, clock, settings, policy } = parts;
  const now = clock.now();
  const gateways = await showGateways(db, parts);
  const certificates = await listCertificates(parts);
  const services = parts.services();
  const logStreams = await showStreams(parts, now);
  return {
    organisation: settings.organisation,
    version: product.version,
    time: now,
    change: await readChange(db),
    epoch: policy.current()?.epoch ?? 0,
    people: await count(db.selectFrom('people').where('state', '!=', 'gone')),
    devices: await count(db.selectFrom('devices').where('state', '!=', 'gone')),
    sessions: await count(db.selectFrom('sessions').where('state', '=', 'live').where('ends_at', '>', now)),
    apps: await count(db.selectFrom('apps')),
    grants: await count(db.selectFrom('grants').where('ends_at', '>', now)),
    records: await count(db.selectFrom('records')),
    gateways,
    disk: parts.reserve.state(),
    certificates,
    ...(services === undefined ? {} : { services: services.url }),
    logStreams,
    todo: [
      ...diskTodo(parts),
      ...unkeptTodo(parts),
      ...policyTodo(parts),
      ...(await peopleTodo(db)),
      ...(await siteTodo(db, gateways)),
      ...(await appTodo(db)),
      ...gatewayTodo(gateways, now),
      ...certificateTodo(certificates, now),
      ...(await clientTodo(db, now)),
      ...streamTodo(logStreams, now),
      ...(await logTodo(db, now)),
    ].map((text) => text.slice(0, 500)),
  };
}

/** What stands in the way of a log that others can prove. */
async function logTodo(db: Db, now: number): Promise<string[]> {
  const state = await findLogState(db);
  const waits =
    state?.held == null
      ? []
      : [`The log signs nothing (${state.held}): posternctl log known, then log resume or log new.`];
  const failing = (await readAnchors(db)).filter(
    ({ failing_since }) => failing_since !== null && now - failing_since > minute,
  );
  const unreadable = await countUnreadable(db);
  const lost = unreadable === 0 ? [] : [`${unreadable} records of the log cannot be read: posternctl log verify.`];
  return [
    ...waits,
    ...lost,
    ...failing.map(({ name }) => `No checkpoint reaches ${name}: posternctl log anchor try ${name}`),
  ];
}

interface Countable {
  select(expression: (eb: never) => unknown): unknown;
}

async function count(query: Countable): Promise<number> {
  const counted = query.select(((eb: { fn: { countAll(): { as(name: string): unknown } } }) =>
    eb.fn.countAll().as('n')) as (eb: never) => unknown) as { executeTakeFirst(): Promise<{ n: number } | undefined> };
  return Number((await counted.executeTakeFirst())?.n ?? 0);
}

const servicesName = 'services listener';

async function listCertificates(parts: StatusParts): Promise<Status['certificates']> {
  const { db, authority } = parts;
  const rows = await db
    .selectFrom('authorities')
    .select(['kind', 'state', 'ends_at'])
    .where('state', '!=', 'retired')
    .orderBy('created_at')
    .execute();
  const authorities = rows.map((row) => ({
    name: `${row.kind === 'root' ? 'root CA' : 'issuing CA'}${row.state === 'announced' ? ' (next)' : ''}`,
    endsAt: row.ends_at,
  }));
  const own = authority.ownCertificate().notAfter;
  const services = parts.services()?.certificateEndsAt() ?? own;
  // When it is the controller's own there is one line for both.
  const other = services === own ? [] : [{ name: servicesName, endsAt: services }];
  return [...authorities, { name: 'controller', endsAt: own }, ...other];
}

function diskTodo({ reserve }: StatusParts): string[] {
  const { free, short, failing } = reserve.state();
  if (failing)
    return [
      'The disk of the controller takes nothing: nothing is granted or changed, what is revoked is cut at the gateways and not kept, and gateways keep their records. See what the kernel says of it (dmesg), and make it writable again.',
    ];
  if (!short) return [];
  const left = `${Math.floor(free / 1024 / 1024)} MB`;
  return [
    `The disk of the controller has ${left} left: nothing is granted and no records are taken. Make room: larger disk, old backups away, or posternctl log prune --before 90d.`,
  ];
}

/** Who was told that somebody is cut must not believe that it stays so. */
function unkeptTodo({ streams }: StatusParts): string[] {
  return streams.unkept
    .waiting()
    .slice(0, 10)
    .map(({ at, revocation: { kind, id } }) => {
      const what = kind === 'everything' ? 'everything' : `${kind} ${id}`;
      return `At ${new Date(at).toISOString()} ${what} was cut while the disk took nothing, which is not kept: posternctl revoke ${what}, or contain.`;
    });
}

function policyTodo({ policy }: StatusParts): string[] {
  if (policy.current() !== undefined) return [];
  return ['No policy is in force, so everything is denied: posternctl app permit APP WHO, or apply -f DIR.'];
}

async function peopleTodo(db: Db): Promise<string[]> {
  const todo: string[] = [];
  const pending = await db
    .selectFrom('devices')
    .select(['id', 'person_id', 'name'])
    .where('state', '=', 'pending')
    .where('approval', '!=', 'none')
    .orderBy('enrolled_at')
    .execute();
  for (const { id, person_id, name } of pending.slice(0, 10)) {
    todo.push(`Device ${id} ("${name}") of ${person_id} waits for approval: posternctl device approve ${id}.`);
  }
  if (pending.length > 10) todo.push(`${pending.length - 10} more devices wait for approval.`);
  const owners = await db
    .selectFrom('people')
    .select('last_sign_in_at')
    .where('role', '=', 'owner')
    .where('state', '=', 'active')
    .execute();
  if (owners.every((row) => row.last_sign_in_at === null)) {
    todo.push(
      'No owner has signed in yet: enrol with the invitation that init printed, or posternctl invite an owner.',
    );
  }
  return todo;
}

async function siteTodo(db: Db, gateways: readonly GatewayShown[]): Promise<string[]> {
  const served = new Set(gateways.filter(({ state }) => state === 'active').map(({ site }) => site));
  const rows = await db.selectFrom('apps').select('site').distinct().orderBy('site').execute();
  return rows
    .filter(({ site }) => !served.has(site))
    .map(
      ({ site }) =>
        `No gateway serves the apps of site ${site}: posternctl gateway invite ID --site ${site} --address HOST:8444.`,
    );
}

/** Accepted on purpose once; it stays in sight until the key is pinned. */
async function appTodo(db: Db): Promise<string[]> {
  return (await loadApps(db))
    .filter((app) => app.kind === 'http' && app.tls?.insecure === true)
    .map(
      ({ id }) =>
        `App ${id} takes any certificate from its upstream: posternctl app check ${id} shows its key, posternctl app set ${id} --tls-pin PIN.`,
    );
}

function gatewayTodo(gateways: readonly GatewayShown[], now: number): string[] {
  return gateways.flatMap((gateway) => {
    const { id, state, connection, certificateEndsAt, lastSeenAt } = gateway;
    if (state === 'invited') return [`Gateway ${id} was invited and has not joined yet.`];
    if (state !== 'active') return [];
    const todo: string[] = [];
    if (connection === 'away') {
      const since = lastSeenAt === undefined ? '' : ` (last seen ${new Date(lastSeenAt).toISOString()})`;
      todo.push(`Gateway ${id} is away${since}: start it, or posternctl gateway remove ${id}.`);
    }
    if (certificateEndsAt !== undefined && certificateEndsAt - now < 4 * hour) {
      const word = certificateEndsAt <= now ? 'has ended' : 'ends within 4 hours and was not renewed';
      todo.push(`The certificate of gateway ${id} ${word}.`);
    }
    return connection === 'away' ? todo : [...todo, ...recordsTodo(gateway, now)];
  });
}

/** What a gateway says of its records, or does not say. */
function recordsTodo({ id, records, lastSeenAt }: GatewayShown, now: number): string[] {
  if (records === undefined || now - records.at > minute) {
    // Just after a start nobody has said anything yet.
    if (records === undefined && lastSeenAt !== undefined && now - lastSeenAt < minute) return [];
    return [`Gateway ${id} does not tell how far its records have come: see its log.`];
  }
  const { refusing, refusingSince, through, waitingBytes } = records;
  if (refusing !== undefined)
    return [
      `Gateway ${id} gives no access since ${new Date(refusingSince ?? records.at).toISOString()}: ${refusing}. Make room on its disk, or make it writable.`,
    ];
  if (through === undefined || now - through < minute) return [];
  const left = Math.ceil(waitingBytes / 1024 / 1024);
  return [
    `Gateway ${id} has not delivered what it recorded since ${new Date(through).toISOString()} (${left} MB wait): see its log.`,
  ];
}

/** Programs that stop working are found out by others first; a token has no renewal of its own. */
async function clientTodo(db: Db, now: number): Promise<string[]> {
  const rows = await db
    .selectFrom('api_clients')
    .select(['name', 'ends_at'])
    .where('ends_at', '<', now + 14 * day)
    .orderBy('ends_at')
    .limit(10)
    .execute();
  return rows.map(
    ({ name, ends_at: at }) =>
      `The token of API client ${name} ${at <= now ? 'has ended' : `ends at ${new Date(at).toISOString()}`}: posternctl api-client rotate ${name}, or remove.`,
  );
}

/** What a SIEM does not get, nobody there misses. */
function streamTodo(streams: Status['logStreams'], now: number): string[] {
  return streams.flatMap(({ name, state, behind, secondsBehind, setAside, setAsideAt, trouble }) => {
    const todo: string[] = [];
    if (trouble !== undefined && now - trouble.since > minute)
      todo.push(
        `The log stream ${name} does not arrive (${behind} records wait): ${trouble.why}. posternctl log stream test ${name}.`,
      );
    else if (state === 'running' && secondsBehind > 15 * 60)
      todo.push(`The log stream ${name} is ${behind} records behind.`);
    if (state === 'paused')
      todo.push(`The log stream ${name} is paused: posternctl log stream resume ${name}, or remove.`);
    if (setAsideAt !== undefined && now - setAsideAt < day)
      todo.push(
        `The target of the log stream ${name} refused ${setAside} records for good: posternctl log stream show ${name}.`,
      );
    return todo;
  });
}

function certificateTodo(certificates: Status['certificates'], now: number): string[] {
  const reserve = (name: string) => ({ controller: hour, [servicesName]: 14 * day })[name] ?? 30 * day;
  return certificates
    .filter(({ name, endsAt }) => endsAt - now < reserve(name))
    .map(({ name, endsAt }) => `The certificate of the ${name} ends at ${new Date(endsAt).toISOString()}.`);
}
