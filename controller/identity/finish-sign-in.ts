/** The end of a flow, in one transaction: factors set, device active, session made or refreshed, record written. */
import { PosternError } from '#shared/base/errors.ts';
import type { SignInState } from '#shared/contracts/sign-in.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Decider } from '../grants/decider.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { activateDevice } from './device-state.ts';
import type { Origin } from './identity-parts.ts';
import { createSession, endSessions } from './sessions.ts';
import { setFactors } from './set-factors.ts';
import type { Flow } from './sign-in-flow.ts';
import { isApprovalMet } from './start-sign-in.ts';

export interface Finished {
  readonly flow: Flow;
  readonly more: Partial<Pick<SignInState, 'recoveryCodes' | 'session' | 'totp'>>;
}

export interface Ending {
  readonly device: Tables['devices'];
  readonly person: Tables['people'];
  readonly flow: Flow;
  /** The answer that ended it. */
  readonly method: 'password' | 'totp' | 'recovery-code' | 'confirm-totp';
  readonly origin: Origin;
  readonly decider: Decider;
  /** `confirm-totp`: the time step that the first code spent, and what opens the flow's secrets. */
  readonly step?: number | undefined;
  readonly sealer?: Sealer;
}

/** RFC 8176, and a word of our own for recovery codes. */
const methodNames = { password: 'pwd', totp: 'otp', 'recovery-code': 'recovery', 'confirm-totp': 'otp' } as const;

export async function finishFlow(trx: Trx, at: number, ending: Ending): Promise<Finished> {
  const { flow } = ending;
  const gone = await trx
    .deleteFrom('sign_in_flows')
    .where('id', '=', flow.id)
    .where('step', '=', flow.step)
    .executeTakeFirst();
  if (gone.numDeletedRows !== 1n) throw new PosternError('sign-in-flow', 'another answer to this flow was quicker');
  const more = flow.purpose === 'sign-in' ? await signIn(trx, at, ending) : await refresh(trx, at, ending);
  await appendRecord(trx, at, {
    kind: 'sign-in',
    event: flow.purpose === 'sign-in' ? 'signed-in' : 'stepped-up',
    verdict: 'allow',
    person: ending.person.id,
    device: ending.device.id,
    ...(more.session === undefined ? {} : { session: more.session.id }),
    ...(flow.session_id === null ? {} : { session: flow.session_id }),
    ...ending.origin,
    details: { purpose: flow.purpose, method: ending.method },
  });
  return { flow: { ...flow, step: 'done' }, more };
}

async function signIn(trx: Trx, at: number, ending: Ending): Promise<Finished['more']> {
  const { device, person, flow, method, origin } = ending;
  const recoveryCodes =
    method === 'confirm-totp' ? await setFactors(trx, at, { ...ending, sealer: ending.sealer! }) : undefined;
  // P5: an existing second factor, or first factors set here, makes a waiting device active; where the invitation asked for
  // an administrator's comparison, only that does.
  if (device.state === 'pending' && (await isApprovalMet(trx, device)) && (await activateDevice(trx, at, device.id))) {
    await appendRecord(trx, at, {
      kind: 'device',
      person: person.id,
      device: device.id,
      ...origin,
      event: 'set-active',
      details: { because: 'signed in with a second factor' },
    });
  }
  await endSessions(trx, at, { which: { device: device.id }, because: 'replaced', reason: 'session-ended', origin });
  const done = flow.sets === null ? (JSON.parse(flow.methods) as string[]) : ['pwd'];
  const session = await createSession(trx, at, {
    person: person.id,
    device: device.id,
    methods: [...done, methodNames[method], 'mfa'],
    passwordAt: at,
    secondFactorAt: at,
  });
  await trx.updateTable('people').set({ last_sign_in_at: at }).where('id', '=', person.id).execute();
  return { session, ...(recoveryCodes === undefined ? {} : { recoveryCodes }) };
}

/** `step-up` renews the second factor's age; `resume` ends idleness and renews the age of what was given. The secret stays. */
async function refresh(trx: Trx, at: number, { flow, method, device, decider }: Ending): Promise<Finished['more']> {
  const ages = method === 'password' ? { password_at: at } : { second_factor_at: at };
  const result = await trx
    .updateTable('sessions')
    .set({ ...ages, last_active_at: at })
    .where('id', '=', flow.session_id ?? '')
    .where('device_id', '=', device.id)
    .where('state', '=', 'live')
    .where('ends_at', '>', at)
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new PosternError('session-required', 'the session ended meanwhile');
  // P13, P14: policies see the age of a factor, and one may forbid what is too fresh.
  await nextChange(trx, at);
  await redecideGrants(decider, trx, at, { session: flow.session_id! }, 'facts-changed');
  return {};
}
