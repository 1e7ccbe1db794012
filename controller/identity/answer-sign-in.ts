/** Answering one step of a flow: the table of checks, then one transaction that moves the flow on, or ends it in a session. */
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import type { SignInState } from '#shared/contracts/sign-in.ts';
import { hashPassword } from '#shared/crypto/password-hash.ts';
import { newTotpSecret, totpUri } from '#shared/crypto/totp.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
import { readSettings } from '../store/settings.ts';
import type { Tables } from '../store/tables.ts';
import { type Ending, type Finished, finishFlow } from './finish-sign-in.ts';
import { checkPassword } from './password-rules.ts';
import { flowPlace, flowState, moveFlow } from './sign-in-flow.ts';
import { type Attempt, isInService, type Refusal, runSignInSteps, throttleKeys } from './sign-in-steps.ts';
import { forgiveAttempt } from './throttle.ts';

interface Passed {
  readonly device: Tables['devices'];
  readonly person: Tables['people'];
  readonly flow: Tables['sign_in_flows'];
  readonly step?: number | undefined;
}

/** Throws the refusal of the first check that fails, or `factor-weak` for a password that may not be set. */
export async function answerSignIn(attempt: Attempt): Promise<SignInState> {
  const { refusal, found } = await runSignInSteps(attempt);
  if (refusal !== undefined) throw await recordRefusal(attempt, refusal, found);
  await forgive(attempt, found, false);
  const state = await advance[attempt.method](attempt, found).catch(async (error: unknown) => {
    throw await recordOvertaken(attempt, found, error);
  });
  if (state.step === 'done') await forgive(attempt, found, true);
  return state;
}

const advance: Readonly<Record<Attempt['method'], (attempt: Attempt, passed: Passed) => Promise<SignInState>>> = {
  password: (attempt, passed) =>
    passed.flow.purpose === 'resume'
      ? finish(attempt, passed, 'password')
      : move(attempt, passed, { step: 'second-factor', methods: JSON.stringify(['pwd']) }),
  totp: (attempt, passed) => finish(attempt, passed, 'totp'),
  'recovery-code': (attempt, passed) =>
    passed.flow.sets === 'reset'
      ? move(attempt, passed, { step: 'set-password' })
      : finish(attempt, passed, 'recovery-code'),
  'set-password': setPassword,
  'set-totp': setTotp,
  'confirm-totp': (attempt, passed) => finish(attempt, passed, 'confirm-totp'),
};

function finish(attempt: Attempt, passed: Passed, method: Ending['method']): Promise<SignInState> {
  const { origin } = attempt;
  const { sealer, decider } = attempt.parts;
  return settle(attempt, passed, (trx, at) => finishFlow(trx, at, { ...passed, method, origin, sealer, decider }));
}

async function setPassword(attempt: Attempt, passed: Passed): Promise<SignInState> {
  const { sealer, store } = attempt.parts;
  const { organisation } = await readSettings(store.db);
  checkPassword(attempt.answer, { organisation, person: passed.person });
  const hash = await hashPassword(attempt.answer);
  const sealed_password = sealer.sealText(hash, flowPlace(passed.flow.id, 'sealed_password'));
  return move(attempt, passed, { step: 'set-totp', sealed_password });
}

async function setTotp(attempt: Attempt, passed: Passed): Promise<SignInState> {
  const { sealer, store } = attempt.parts;
  const { organisation } = await readSettings(store.db);
  const secret = newTotpSecret();
  const sealed_totp = sealer.sealText(secret, flowPlace(passed.flow.id, 'sealed_totp'));
  const state = await move(attempt, passed, { step: 'confirm-totp', sealed_totp });
  const uri = totpUri({ secret, account: passed.person.id, issuer: organisation });
  return { ...state, totp: { secret, uri } };
}

function move(attempt: Attempt, passed: Passed, to: Parameters<typeof moveFlow>[2]): Promise<SignInState> {
  return settle(attempt, passed, async (trx) => {
    if (!(await moveFlow(trx, passed.flow, to))) throw overtaken();
    return { flow: { ...passed.flow, ...to }, more: {} };
  });
}

/** States are read again where they count: a device or person may have been suspended since the checks. */
async function settle(
  { parts, deviceId }: Attempt,
  { person }: Passed,
  work: (trx: Trx, at: number) => Promise<Finished>,
): Promise<SignInState> {
  const at = parts.clock.now();
  const finished = await parts.store.db.transaction().execute(async (trx) => {
    const device = await trx.selectFrom('devices').select('state').where('id', '=', deviceId).executeTakeFirst();
    const now = await trx.selectFrom('people').select('state').where('id', '=', person.id).executeTakeFirst();
    if (device === undefined || !isInService(device) || now?.state !== 'active') {
      throw new PosternError('device-suspended', `${deviceId} or ${person.id} was suspended meanwhile`);
    }
    return work(trx, at);
  });
  return flowState(finished.flow, person, at, finished.more);
}

/** A right answer is no failure. The person's own count is wiped only by a whole sign-in: half of one proves too little. */
async function forgive(attempt: Attempt, { person }: Passed, clear: boolean): Promise<void> {
  const [own, address] = throttleKeys(person.id, attempt.deviceId, attempt.origin.from);
  await attempt.parts.store.db.transaction().execute(async (trx) => {
    await forgiveAttempt(trx, own[0], { clear });
    if (!clear) await forgiveAttempt(trx, address[0], { clear: false });
  });
}

async function recordRefusal(
  { parts, deviceId, method, origin }: Attempt,
  refusal: Refusal,
  found: { readonly person?: Tables['people']; readonly flow?: Tables['sign_in_flows'] },
): Promise<PosternError> {
  const { store, clock } = parts;
  await store.db.transaction().execute(async (trx) => {
    const { flow } = found;
    if (flow !== undefined) {
      await trx
        .updateTable('sign_in_flows')
        .set((eb) => ({ failures: eb('failures', '+', 1) }))
        .where('id', '=', flow.id)
        .execute();
    }
    await appendRecord(trx, clock.now(), {
      kind: 'sign-in',
      event: 'step-refused',
      verdict: 'deny',
      reasons: [refusal.reason],
      device: deviceId,
      ...(found.person === undefined ? {} : { person: found.person.id }),
      ...origin,
      details: { method, ...(flow === undefined ? {} : { purpose: flow.purpose }) },
    });
  });
  const extra = refusal.retryAfterMs === undefined ? undefined : { retryAfterMs: refusal.retryAfterMs };
  const message = `${method} on ${deviceId} was refused: ${refusal.reason}`;
  return new PosternError(refusal.code, message, extra === undefined ? {} : { extra });
}

const lateReasons: Partial<Record<ErrorCode, DenyReason>> = {
  'sign-in-flow': 'flow-ended',
  'session-required': 'session-required',
  'device-suspended': 'device-not-active',
};

/** What the last transaction refused: another answer, a reset or a suspension was quicker. Other errors pass through. */
async function recordOvertaken(attempt: Attempt, passed: Passed, error: unknown): Promise<unknown> {
  const reason = error instanceof PosternError ? lateReasons[error.code] : undefined;
  if (reason !== undefined) await recordRefusal(attempt, { code: (error as PosternError).code, reason }, passed);
  return error;
}

function overtaken(): PosternError {
  return new PosternError('sign-in-flow', 'another answer to this flow was quicker');
}
