/**
 * Signing in as ONE ordered table of checks. Every answer to every step of a flow passes all of them in this order; the
 * first refusal ends it, is recorded with its reason, and the peer reads a constant that names no factor.
 */

import type { ErrorCode } from '#shared/base/errors.ts';
import { sourceOf } from '#shared/base/source-of.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import type { SignInMethod } from '#shared/contracts/sign-in.ts';
import { verifyTotp } from '#shared/crypto/totp.ts';
import type { Tables } from '../store/tables.ts';
import { checkPasswordOf, checkRecoveryCodeOf, checkTotpOf, type FactorVerdict } from './check-factor.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { redeemInvitation, whyNoCode } from './invitations.ts';
import { flowPlace, wantedMethods } from './sign-in-flow.ts';
import { addressRule, blockedFor, chargeAttempt, personRule } from './throttle.ts';

export interface Attempt {
  readonly parts: IdentityParts;
  /** From the certificate of the connection. */
  readonly deviceId: string;
  readonly flowId: string;
  readonly method: SignInMethod;
  /** The password or code; empty for `set-totp`. */
  readonly answer: string;
  readonly origin: Origin;
}

/** Filled in by the checks, in their order; a later check relies on what an earlier one has found. */
export interface Found {
  device?: Tables['devices'];
  person?: Tables['people'];
  flow?: Tables['sign_in_flows'];
  /** `confirm-totp`: the time step of the first code, spent by it. */
  step?: number;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: DenyReason;
  readonly retryAfterMs?: number;
}

export interface SignInCheck {
  readonly name: string;
  readonly check: (attempt: Attempt, found: Found) => Promise<Refusal | undefined>;
}

const refuse = (code: ErrorCode, reason: DenyReason): Refusal => ({ code, reason });

export const throttleKeys = (person: string, device: string, from: string) =>
  [
    [`sign-in:${person}/${device}`, personRule],
    [`address:${sourceOf(from)}`, addressRule],
  ] as const;

const deviceKnown: SignInCheck = {
  name: 'device known and in service',
  async check({ parts, deviceId }, found) {
    const device = await parts.store.db.selectFrom('devices').selectAll().where('id', '=', deviceId).executeTakeFirst();
    if (device === undefined || !isInService(device)) return refuse('device-suspended', 'device-not-active');
    found.device = device;
    return undefined;
  },
};

const personActive: SignInCheck = {
  name: 'person active',
  async check({ parts }, found) {
    const id = found.device!.person_id;
    const person = await parts.store.db.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirst();
    if (person?.state !== 'active') return refuse('device-suspended', 'person-not-active');
    found.person = person;
    return undefined;
  },
};

/** A flow of another device is, to this one, no flow at all (P12): one answer, two reasons in the log. */
const flowAlive: SignInCheck = {
  name: 'flow alive and of this device',
  async check({ parts, flowId, deviceId }, found) {
    const { store, clock } = parts;
    const flow = await store.db.selectFrom('sign_in_flows').selectAll().where('id', '=', flowId).executeTakeFirst();
    if (flow === undefined || flow.ends_at <= clock.now()) return refuse('sign-in-flow', 'flow-ended');
    if (flow.device_id !== deviceId || flow.person_id !== found.person!.id)
      return refuse('sign-in-flow', 'wrong-device');
    found.flow = flow;
    return undefined;
  },
};

const methodWanted: SignInCheck = {
  name: 'flow waits for this method',
  async check({ method }, { flow }) {
    return wantedMethods(flow!).includes(method) ? undefined : refuse('sign-in-flow', 'flow-ended');
  },
};

const notThrottled: SignInCheck = {
  name: 'not throttled, by person and by source',
  async check({ parts, deviceId, origin }, { person }) {
    const { store, clock } = parts;
    return store.db.transaction().execute(async (trx) => {
      const keys = throttleKeys(person!.id, deviceId, origin.from);
      // Asked first, charged after: what is refused is nobody's failure. A neighbour who has the address blocked would
      // otherwise drive up this person's own count.
      const waits = await Promise.all(keys.map(([key]) => blockedFor(trx, clock.now(), key)));
      const retryAfterMs = Math.max(...waits);
      if (retryAfterMs > 0) return { ...refuse('sign-in-throttled', 'throttled'), retryAfterMs };
      for (const [key, rule] of keys) await chargeAttempt(trx, clock.now(), key, rule);
      return undefined;
    });
  },
};

/** Right, and not used before: for codes the two are one compare-and-set (P18). */
const factorRight: SignInCheck = {
  name: 'factor right and not used before',
  async check(attempt, found) {
    const verdict = await judge[attempt.method](attempt, found);
    return verdict.ok ? undefined : refuse('sign-in-refused', verdict.reason);
  },
};

export const signInSteps: readonly SignInCheck[] = [
  deviceKnown,
  personActive,
  flowAlive,
  methodWanted,
  notThrottled,
  factorRight,
];

/** The first refusal, or everything that was found. */
export async function runSignInSteps(
  attempt: Attempt,
): Promise<
  | { readonly refusal: Refusal; readonly found: Found }
  | { readonly refusal: undefined; readonly found: Required<Omit<Found, 'step'>> & Pick<Found, 'step'> }
> {
  const found: Found = {};
  for (const { check } of signInSteps) {
    const refusal = await check(attempt, found);
    if (refusal !== undefined) return { refusal, found };
  }
  const { device, person, flow, step } = found;
  return {
    refusal: undefined,
    found: { device: device!, person: person!, flow: flow!, ...(step === undefined ? {} : { step }) },
  };
}

export const isInService = ({ state }: { readonly state: string }): boolean =>
  state === 'active' || state === 'pending';

const accepted: FactorVerdict = { ok: true };

const judge: Readonly<Record<SignInMethod, (attempt: Attempt, found: Found) => Promise<FactorVerdict>>> = {
  password: ({ parts, answer }, { person }) => checkPasswordOf(parts, person!.id, answer),
  totp: ({ parts, answer }, { person }) => checkTotpOf(parts, person!.id, answer),
  'recovery-code': (attempt, found) =>
    found.flow!.sets === 'reset'
      ? checkResetCode(attempt, found)
      : checkRecoveryCodeOf(attempt.parts, found.person!.id, attempt.answer),
  // What is set is judged by the rules for passwords, after this table: there is nothing yet to compare it with.
  'set-password': async () => accepted,
  'set-totp': async () => accepted,
  'confirm-totp': confirmTotp,
};

/** The one-time code of an administrator's reset stands in for the factors that the person lost. */
async function checkResetCode({ parts, answer }: Attempt, { person }: Found): Promise<FactorVerdict> {
  const { store, clock } = parts;
  const order = { code: answer.trim(), kind: 'factor-reset', subject: person!.id } as const;
  const used = await store.db.transaction().execute((trx) => redeemInvitation(trx, clock.now(), order));
  if (used !== undefined) return accepted;
  const { reason } = await whyNoCode(store.db, clock.now(), order);
  return { ok: false, reason };
}

async function confirmTotp({ parts, answer }: Attempt, found: Found): Promise<FactorVerdict> {
  const { id, sealed_totp } = found.flow!;
  if (sealed_totp === null) return { ok: false, reason: 'no-factor' };
  const secret = parts.sealer.openText(sealed_totp, flowPlace(id, 'sealed_totp'));
  const verdict = verifyTotp({ secret, code: answer, nowMs: parts.clock.now() });
  if (!verdict.ok) return { ok: false, reason: 'wrong-code' };
  found.step = verdict.step;
  return accepted;
}
