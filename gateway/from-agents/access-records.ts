/** The access records of one request: an opening and what closes it, or one refusal (P24). */
import { newTrace, randomId } from '#shared/base/bytes.ts';
import type { ErrorCode } from '#shared/base/errors.ts';
import { GrowingNumber } from '#shared/base/growing-number.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import { type Reason, reasonNames } from '#shared/contracts/reasons.ts';
import { type AccessRecord, maxRecordedPath } from '#shared/contracts/record.ts';
import type { PeerRefusal } from '#shared/wire/admit-peer.ts';
import type { RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import { operationOf } from '#shared/wire/operations.ts';
import type { Ask } from '../gates/ask.ts';
import type { Later, OpenAccess, SpoolPause } from '../record-sink.ts';
import { SameParts } from './same-parts.ts';

const sameParts = new SameParts();
const times = new GrowingNumber();

/**
 * Ids of records: random once for each data path, then counted. They are names and no secrets, and a random number for each
 * would cost more than all the gates together.
 */
export function recordIds(): () => string {
  const prefix = `rec_${randomId()}`;
  const number = new GrowingNumber();
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${number.text(count)}`;
  };
}

export interface RecordFacts {
  readonly id: string;
  readonly ask: Ask;
  readonly gateway: string;
  readonly trace: string;
  /** Controller time in milliseconds. */
  readonly at: number;
}

export function refusalRecord(facts: RecordFacts, code: ErrorCode): AccessRecord {
  return { ...base(facts), phase: 'single', verdict: 'deny', reasons: [reasonOf(code)] };
}

/**
 * The opening record, as the parts in which it is written. Most of it is the same in every request under one grant, and making it
 * anew each time took longer than all the gates: that part is kept with the claims.
 */
export function openAccess(facts: RecordFacts): OpenAccess {
  const { id, ask, trace, at } = facts;
  const same = sameParts.of(ask, facts.gateway, () => {
    const { id: _, time: __, trace: ___, request: ____, ...rest } = base(facts);
    return { ...rest, phase: 'opening', verdict: 'allow', reasons: ['grant-valid'] };
  });
  // In one call, and without its braces: a call for each takes as long again.
  const told = JSON.stringify({ trace, request: requestOf(ask) }).slice(1, -1);
  return {
    id,
    own: `"id":"${id}","time":${times.text(at)},${told}`,
    same,
    place: -1,
  };
}

export interface Outcome {
  readonly status?: number | undefined;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly durationMs: number;
  /** How it ended, in the words of the forwarder; and the code of what went wrong. */
  readonly ended: string;
  readonly code?: ErrorCode | undefined;
}

/** `at`: when it ended, or is told of its progress. */
export function laterOf(
  { id: opening }: OpenAccess,
  { id, phase, at }: { readonly id: string; readonly phase: Later['phase']; readonly at: number },
  { status, bytesUp, bytesDown, durationMs, ended, code }: Outcome,
): Later {
  const later: Mutable<Later> = {
    opening,
    id,
    time: at,
    phase,
    bytesUp,
    bytesDown,
    durationMs: Math.max(0, Math.round(durationMs)),
    details: code === undefined ? { ended } : { ended, problem: code },
  };
  if (ended === 'cut') later.reasons = ['stream-cut'];
  if (status !== undefined) later.status = status;
  return later;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A peer that TLS let in and our own check did not: no request was read (P2). */
export function handshakeRecord(facts: {
  readonly id: string;
  readonly reason: PeerRefusal;
  /** OpenSSL's code, where it was OpenSSL that refused. */
  readonly detail: string | undefined;
  readonly address: string;
  readonly gateway: string;
  readonly at: number;
}): AccessRecord {
  const { id, reason, detail, address, gateway, at } = facts;
  const code = reason === 'no-certificate' ? 'certificate-missing' : reason === 'role' ? 'role-refused' : undefined;
  return {
    id,
    time: at,
    kind: 'access',
    phase: 'single',
    trace: newTrace(),
    verdict: 'deny',
    reasons: [code ?? 'certificate-refused'],
    gateway,
    from: plainAddress(address).slice(0, 64),
    details: { certificate: reason, ...(detail === undefined ? {} : { chain: detail }) },
  };
}

/** Some of those who met silence: how many of the kind came from there since the last that was told (P25). */
export function knockRecord(
  facts: RefusalSample & { readonly id: string; readonly gateway: string; readonly at: number },
): AccessRecord {
  const { id, reason, source, count, client, gateway, at } = facts;
  const device = client?.startsWith('device/') ? client.slice('device/'.length) : undefined;
  return {
    id,
    time: at,
    kind: 'access',
    phase: 'single',
    trace: newTrace(),
    verdict: 'deny',
    reasons: ['knock-refused'],
    gateway,
    from: source.slice(0, 64),
    ...(device === undefined ? {} : { device }),
    details: { knock: reason, count },
  };
}

/** A time in which no access could be recorded. */
export function pauseRecord({
  id,
  gateway,
  at,
  why,
  ms,
}: SpoolPause & { readonly id: string; readonly gateway: string; readonly at: number }): AccessRecord {
  const what = { kind: 'gateway', event: 'paused', phase: 'single', verdict: 'none', reasons: [] } as const;
  const details = { from: at - ms, to: at, why };
  return { id, time: at, ...what, reasons: [], trace: newTrace(), gateway, details };
}

function base({ id, ask, gateway, trace, at }: RecordFacts): Omit<AccessRecord, 'phase' | 'verdict' | 'reasons'> {
  const { claims, app, policies = [] } = ask.found;
  // Who has proven its key, never who a grant names: a thief's attempts are not the doing of the one it stole from.
  const device = ask.peer?.id;
  const isStolen = claims !== undefined && claims.did !== device;
  return {
    id,
    time: at,
    kind: 'access',
    trace,
    gateway,
    from: ask.address.slice(0, 64),
    request: requestOf(ask),
    ...(device === undefined ? {} : { device }),
    ...(app === undefined ? {} : { app: app.id }),
    // Their names the controller knows.
    ...(policies.length === 0 ? {} : { numbers: policies.slice(0, 64) }),
    ...(isStolen ? { details: { grantOf: claims.did } } : claims?.use === 'once' ? { details: { use: 'once' } } : {}),
    ...(claims === undefined
      ? {}
      : { person: claims.sub, session: claims.sid, app: claims.app, grant: claims.jti, epoch: claims.epoch }),
  };
}

/** The canonical request where there is one. Never a query. */
function requestOf({ method, host, url, found }: Ask): NonNullable<AccessRecord['request']> {
  const { canonical, app } = found;
  if (canonical === undefined) {
    const path = url.split('?', 1)[0]!;
    return {
      method: method.slice(0, 32),
      host: host.toLowerCase().slice(0, 253),
      path: path.slice(0, maxRecordedPath),
    };
  }
  const operation = app?.kind === 'http' ? operationOf(app, canonical) : '';
  const { host: judged, path } = canonical;
  return { method, host: judged, path: path.slice(0, maxRecordedPath), ...(operation === '' ? {} : { operation }) };
}

const known = new Set<string>(reasonNames);
/** A gate's refusal has its error code as its reason; a code that is no reason means that nothing permitted it. */
const reasonOf = (code: ErrorCode): Reason => (known.has(code) ? (code as Reason) : 'no-permit');
