/** A flow: where one sign-in, step-up or resumption stands, and what may come next. */

import { randomId } from '#shared/base/bytes.ts';
import { minute } from '#shared/base/clock.ts';
import type { SignInPurpose, SignInState } from '#shared/contracts/sign-in.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';

export type Flow = Tables['sign_in_flows'];
export type FlowStep = SignInState['step'];

const flowLifeMs = 10 * minute;

export const flowPlace = (id: string, column: 'sealed_password' | 'sealed_totp') => ({
  table: 'sign_in_flows',
  row: id,
  column,
});

/** Which calls answer the step that a flow waits for. */
export function wantedMethods(flow: Pick<Flow, 'purpose' | 'step' | 'sets'>): SignInState['methods'] {
  switch (flow.step as FlowStep) {
    case 'password':
      return ['password'];
    case 'second-factor':
      if (flow.sets === 'reset') return ['recovery-code'];
      // One factor suffices after idleness, and either will do.
      return flow.purpose === 'resume' ? ['totp', 'password'] : ['totp', 'recovery-code'];
    case 'set-password':
      return ['set-password'];
    case 'set-totp':
      return ['set-totp'];
    case 'confirm-totp':
      // Asked again: a code that was never scanned must not end the flow.
      return ['confirm-totp', 'set-totp'];
    default:
      return [];
  }
}

export interface NewFlow {
  readonly person: string;
  readonly device: string;
  readonly session: string | null;
  readonly purpose: SignInPurpose;
  readonly step: FlowStep;
  readonly sets: 'first' | 'reset' | null;
}

/** One flow per device and purpose: a new one ends the one before. */
export async function createFlow(trx: Trx, at: number, order: NewFlow): Promise<Flow> {
  await trx
    .deleteFrom('sign_in_flows')
    .where((eb) =>
      eb.or([eb('ends_at', '<', at), eb('device_id', '=', order.device).and('purpose', '=', order.purpose)]),
    )
    .execute();
  const flow: Flow = {
    id: `flow_${randomId()}`,
    person_id: order.person,
    device_id: order.device,
    session_id: order.session,
    purpose: order.purpose,
    step: order.step,
    methods: '[]',
    failures: 0,
    sets: order.sets,
    sealed_password: null,
    sealed_totp: null,
    created_at: at,
    ends_at: at + flowLifeMs,
  };
  await trx.insertInto('sign_in_flows').values(flow).execute();
  return flow;
}

/** Moves a flow on from the step it was read at; false when another answer was quicker. */
export async function moveFlow(
  trx: Trx,
  from: Flow,
  to: Partial<Pick<Flow, 'step' | 'methods' | 'sealed_password' | 'sealed_totp'>>,
): Promise<boolean> {
  const result = await trx
    .updateTable('sign_in_flows')
    .set(to)
    .where('id', '=', from.id)
    .where('step', '=', from.step)
    .where('methods', '=', from.methods)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** What the agent is told; `more` adds what is given once. */
export function flowState(
  flow: Flow,
  person: { readonly id: string; readonly name: string },
  now: number,
  more: Partial<Pick<SignInState, 'totp' | 'recoveryCodes' | 'session'>> = {},
): SignInState {
  return {
    flow: flow.id,
    purpose: flow.purpose as SignInPurpose,
    person: { id: person.id, name: person.name },
    step: flow.step as FlowStep,
    methods: wantedMethods(flow),
    expiresInMs: Math.max(0, flow.ends_at - now),
    ...more,
  };
}
