/** Sign-in, step-up and resumption, step by step, and sign-out. */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { SignInMethod } from '#shared/contracts/sign-in.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import { answerSignIn } from '../identity/answer-sign-in.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import { endSessions } from '../identity/sessions.ts';
import { startSignIn } from '../identity/start-sign-in.ts';
import type { DeviceCaller } from './authorize-peer.ts';

type SignInHandlers = Pick<
  Handlers<typeof agentToController, DeviceCaller>,
  'signIn' | 'password' | 'totp' | 'recoveryCode' | 'setPassword' | 'setTotp' | 'confirmTotp' | 'signOut'
>;

interface StepCall {
  readonly params: { readonly flow: string };
  readonly caller: DeviceCaller;
}

export function signInRoutes(parts: IdentityParts): SignInHandlers {
  // Each call writes a record, refused ones before any throttle of guesses: no device may fill the log and stall the store.
  const budget = new DeviceBudget(2, 60);
  const ration = (device: string) => {
    const retryAfterMs = budget.take(device, parts.clock.now());
    if (retryAfterMs === 0) return;
    throw new PosternError('over-budget', `device ${device} signs in too often`, { extra: { retryAfterMs } });
  };
  const answer = ({ params, caller }: StepCall, method: SignInMethod, given: string) => {
    const deviceId = caller.device.id;
    ration(deviceId);
    return answerSignIn({ parts, deviceId, flowId: params.flow, method, answer: given, origin: caller.origin });
  };
  return {
    signIn: ({ body, caller }) => {
      const { device, secret, origin } = caller;
      ration(device.id);
      return startSignIn(parts, { purpose: body.purpose, deviceId: device.id, secret, origin });
    },
    password: (call) => answer(call, 'password', call.body.password),
    totp: (call) => answer(call, 'totp', call.body.code),
    recoveryCode: (call) => answer(call, 'recovery-code', call.body.code),
    setPassword: (call) => answer(call, 'set-password', call.body.password),
    setTotp: (call) => answer(call, 'set-totp', ''),
    confirmTotp: (call) => answer(call, 'confirm-totp', call.body.code),
    async signOut({ caller: { session, origin } }) {
      const at = parts.clock.now();
      const which = { session: session!.id };
      await parts.store.db
        .transaction()
        .execute((trx) => endSessions(trx, at, { which, because: 'signed-out', reason: 'signed-out', origin }));
    },
  };
}
