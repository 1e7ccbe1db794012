/** The question that a test case asks. What it leaves out is good (`policy-tests.ts`). */
import { day, hour, minute, second } from '#shared/base/clock.ts';
import { nearestName } from '#shared/base/nearest-name.ts';
import type { TestCase } from '#shared/contracts/policy-tests.ts';
import { type OsName, postureFacts } from '#shared/contracts/posture.ts';
import { canonicalRequest } from '#shared/wire/canonical-request.ts';
import { operationOf } from '#shared/wire/operations.ts';
import type { AppFacts, Facts, PostureFact, Question, RequestFacts } from '../facts.ts';
import { type Known, type KnownApp, withParents } from '../known.ts';
import { momentOf } from './moment.ts';

/** An address that is nobody's (RFC 5737): a policy that wants one of yours must be given it. */
const someAddress = '192.0.2.10';

/** Why a case asks nothing that can be decided. */
export class CaseError extends Error {
  /** The member at fault. */
  readonly member: string;
  constructor(member: string, message: string) {
    super(message);
    this.member = member;
  }
}

/** `checks`: those that a sound device passes. Throws `CaseError`. */
export function makeQuestion(given: TestCase, known: Known, checks: readonly string[]): Question {
  const at = momentOf(given.time ?? 'Tue 10:00', known.timezone);
  if (at === undefined) throw new CaseError('time', `There is no time ${given.time}.`);
  const app = findApp(given, known);
  const unknownGroup = given.groups?.find((group) => !known.groups.has(group));
  if (unknownGroup !== undefined)
    throw new CaseError('groups', `There is no group "${unknownGroup}".${suggest(unknownGroup, known.groups.keys())}`);
  const { person = 'somebody', fullName = 'Somebody', role = 'employee', state = 'active', risk = 0 } = given;
  const facts: Facts = {
    v: 1,
    person: { id: person, name: fullName, role, state, risk, groups: withParents(given.groups ?? [], known) },
    device: makeDevice(given, known, checks, at),
    session: makeSession(given, at),
    network: { address: given.network ?? someAddress },
    timezone: known.timezone,
  };
  const appFacts: AppFacts = { id: app.id, kind: app.kind, site: app.site, groups: app.groups ?? [] };
  if (app.kind === 'tcp') return { facts, app: appFacts, act: 'connect', at };
  return { facts, app: appFacts, act: 'request', request: makeRequest(given, app), at };
}

function findApp({ app: id, request, operation }: TestCase, known: Known): KnownApp {
  if (id === undefined) throw new CaseError('name', 'This test names no app.');
  const app = known.apps.get(id);
  if (app === undefined) throw new CaseError('app', `There is no app "${id}".${suggest(id, known.apps.keys())}`);
  if (app.kind === 'tcp' && (request ?? operation) !== undefined)
    throw new CaseError(
      request === undefined ? 'operation' : 'request',
      `${id} is a TCP app: it has connections only.`,
    );
  return app;
}

const suggest = (given: string, choice: Iterable<string>): string => {
  const near = nearestName(given, [...choice]);
  return near === undefined ? '' : ` Did you mean "${near}"?`;
};

/** Undefined: any request. */
function makeRequest(given: TestCase, app: Extract<KnownApp, { kind: 'http' }>): RequestFacts | undefined {
  const { operation } = given;
  const pattern = operation === undefined ? undefined : ownPattern(app, operation);
  const text = given.request ?? (pattern === undefined ? undefined : exampleOf(pattern));
  if (text === undefined) return undefined;
  const [method = '', url = ''] = text.split(' ');
  const canonical = canonicalRequest({ method, url, host: given.host ?? app.hosts[0]!, app });
  if (typeof canonical === 'string')
    throw new CaseError('request', `This request is refused before any policy: ${canonical}.`);
  const named = operationOf(app, canonical);
  if (operation !== undefined && named !== operation) {
    const is = named === '' ? 'no operation' : `the operation "${named}"`;
    throw new CaseError(
      given.request === undefined ? 'operation' : 'request',
      `${canonical.method} ${canonical.path} is ${is} of ${app.id}, not "${operation}": give a request that is.`,
    );
  }
  return { ...canonical, operation: named };
}

function ownPattern(app: Extract<KnownApp, { kind: 'http' }>, operation: string): string {
  const { operations = {} } = app;
  if (Object.hasOwn(operations, operation)) return operations[operation]!;
  const message = `${app.id} has no operation "${operation}".${suggest(operation, Object.keys(operations))}`;
  throw new CaseError('operation', message);
}

/** `POST /reports/x/export` for its pattern with a star. */
function exampleOf(pattern: string): string {
  const [method = '', path = ''] = pattern.split(' ');
  return `${method === '*' ? 'GET' : method} ${path.replaceAll('**', 'x').replaceAll('*', 'x')}`;
}

const versions: Readonly<Record<OsName, { osMajor: number; osVersion: string }>> = {
  linux: { osMajor: 24, osVersion: 'ubuntu 24.04' },
  macos: { osMajor: 26, osVersion: '26.1' },
  windows: { osMajor: 11, osVersion: '10.0.26100.2314' },
};

function makeDevice(given: TestCase, known: Known, allChecks: readonly string[], at: number): Facts['device'] {
  const { ownership = 'company', state = 'active', checks = allChecks, ...told } = given.device ?? {};
  const unknown = given.device?.checks?.find((check) => known.checks.size > 0 && !known.checks.has(check));
  if (unknown !== undefined)
    throw new CaseError('device', `There is no check "${unknown}".${suggest(unknown, known.checks.keys())}`);
  const os = (['linux', 'macos', 'windows'] as const).find((name) => name === (told as { os?: string }).os) ?? 'linux';
  const good: Record<string, boolean | number | string> = {
    ...versions[os],
    os,
    screenLockSeconds: 300,
    patchAgeDays: 0,
  };
  const posture: Record<string, PostureFact> = {};
  for (const [fact, { kind }] of Object.entries(postureFacts)) {
    if (kind === 'names') continue;
    const best = kind === 'boolean' ? true : good[fact]!;
    posture[fact] = makeFact((told as Record<string, PostureFact['value'] | undefined>)[fact] ?? best, best, at);
  }
  const passed = Object.fromEntries(checks.map((check) => [check, makeFact(true, true, at)]));
  return { id: 'dev_of_a_test', state, ownership, certificateEndsAt: at + 12 * hour, posture, checks: passed };
}

function makeFact(given: PostureFact['value'], best: PostureFact['value'], at: number): PostureFact {
  const fact = { source: 'self', measuredAt: at - minute, goodUntil: at + hour } as const;
  if (given === 'unknown') return { ...fact, value: null, status: 'unknown' };
  if (given === 'stale') return { ...fact, value: best, status: 'pass', measuredAt: at - day, goodUntil: at - hour };
  return { ...fact, value: given, status: given === false ? 'fail' : 'pass' };
}

function makeSession({ signIn = '10 min', secondFactor = '1 min', methods }: TestCase, at: number): Facts['session'] {
  const signInAge = ageOf(signIn);
  if (signInAge === undefined) return null;
  const factorAge = ageOf(secondFactor);
  const usual = factorAge === undefined ? ['pwd'] : ['pwd', 'otp', 'mfa'];
  return {
    id: 'ses_of_a_test',
    methods: methods ?? usual,
    startedAt: at - signInAge,
    endsAt: at + 8 * hour,
    secondFactorAt: factorAge === undefined ? null : at - factorAge,
  };
}

const units = { s: second, min: minute, h: hour, day, days: day } as const;

/** Undefined for none. */
function ageOf(text: string): number | undefined {
  if (text === 'none') return undefined;
  const [, count, unit] = /^(\d+) ?(s|min|h|days?)/.exec(text) ?? [];
  if (text === 'now' || count === undefined) return 0;
  return Number(count) * units[unit as keyof typeof units];
}
