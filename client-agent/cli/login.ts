/** `postern login`: sign-in, step-up, coming back from idleness and first factors, in the terminal. */
import type { CliCall } from '#shared/base/cli.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { SignInMethod, SignInPurpose } from '#shared/contracts/sign-in.ts';
import type { SignInStateShown } from '../agent-api.ts';
import type { Control } from '../control/open-control.ts';
import { type Answers, openAnswers } from './answers.ts';
import { showRecoveryCodes, showTotp } from './show-totp.ts';
import { tellNotices } from './tell-notices.ts';
import { placeOf, withAgent } from './with-agent.ts';

const maxAttempts = 3;

export async function login(call: CliCall): Promise<void> {
  const answers = openAnswers();
  try {
    const place = await placeOf(call);
    await withAgent(call, (control) => signIn(call, control, { answers, place }));
  } finally {
    answers.close();
  }
}

interface Asking {
  readonly answers: Answers;
  /** Behind the commands that we tell people to run. */
  readonly place: string;
}

async function signIn(call: CliCall, control: Control, { answers, place }: Asking): Promise<void> {
  const { calls } = control;
  const { state } = await calls.status();
  const purpose = purposeOf(call, state.session);
  if (purpose === undefined) {
    const rest = `postern login --step-up${place} confirms your second factor again`;
    if (call.json) call.io.out(JSON.stringify({ signedIn: true, step: 'done' }));
    else call.io.out(`You are signed in already (${rest}).`);
    return;
  }
  let flow = await calls.startSignIn({ body: { purpose } });
  if (!call.json) call.io.err(`${safeText(flow.person.name)} at ${safeText(state.organisation)}`);
  let attempts = 0;
  while (flow.step !== 'done') {
    await show(call, flow);
    const { method, value } = await answerOf(flow, answers);
    try {
      const body = value === undefined ? { method } : { method, value };
      flow = await calls.answerSignIn({ params: { flow: flow.flow }, body });
      attempts = 0;
    } catch (thrown) {
      const error = asPosternError(thrown);
      attempts += 1;
      const canRetry = error.code === 'sign-in-refused' || error.code === 'factor-weak';
      // A program that answers wrongly once will not do better the next time.
      if (!canRetry || !answers.isTerminal || attempts >= maxAttempts) throw error;
      call.io.err(error.tell ?? error.message);
    }
  }
  finish(call, flow, place);
  if (purpose !== 'sign-in' || call.json) return;
  await tellNotices(call, control);
}

/** Undefined: there is nothing to do. */
function purposeOf(call: CliCall, session: { signedIn: boolean; idle: boolean }): SignInPurpose | undefined {
  if (!session.signedIn) return 'sign-in';
  if (call.values['again'] === true) return 'sign-in';
  if (session.idle) return 'resume';
  return call.values['step-up'] === true ? 'step-up' : undefined;
}

async function show(call: CliCall, { step, methods, totp, expiresInMs }: SignInStateShown): Promise<void> {
  if (totp !== undefined) await showTotp(call, totp);
  else if (call.json) call.io.out(JSON.stringify({ step, methods, expiresInMs }));
  else if (step === 'set-password')
    call.io.err('This is your first sign-in. Choose a password: a sentence of a few words.');
}

async function answerOf(
  { methods }: SignInStateShown,
  answers: Answers,
): Promise<{ method: SignInMethod; value?: string }> {
  const [first] = methods;
  if (first === 'set-totp') return { method: first };
  if (first === 'password') return { method: first, value: await answers.ask('Password') };
  if (first === 'set-password') return { method: first, value: await newPassword(answers) };
  if (first === 'confirm-totp')
    return { method: first, value: digits(await answers.ask('Code that the app shows now')) };
  const hasRecovery = methods.includes('recovery-code');
  if (methods.includes('totp')) {
    const value = await answers.ask(hasRecovery ? 'One-time code, or a recovery code' : 'One-time code');
    return isTotp(value) || !hasRecovery
      ? { method: 'totp', value: digits(value) }
      : { method: 'recovery-code', value: value.trim() };
  }
  if (hasRecovery)
    return {
      method: 'recovery-code',
      value: (await answers.ask('Recovery code, or the code from your administrator')).trim(),
    };
  throw new PosternError('version-unsupported', `this version does not know how to answer ${methods.join(', ')}`);
}

const isTotp = (value: string): boolean => /^\d{6,8}$/.test(digits(value));
const digits = (value: string): string => value.replaceAll(/\s/g, '');

/** Typed twice at a terminal, where it cannot be seen. */
export async function newPassword(answers: Answers): Promise<string> {
  for (;;) {
    const password = await answers.ask('New password');
    if (!answers.isTerminal || (await answers.ask('The same again')) === password) return password;
    process.stderr.write('The two are not the same.\n');
  }
}

function finish(call: CliCall, { purpose, recoveryCodes, signedIn }: SignInStateShown, place: string): void {
  if (call.json) {
    call.io.out(JSON.stringify({ step: 'done', signedIn, ...(recoveryCodes === undefined ? {} : { recoveryCodes }) }));
    return;
  }
  if (recoveryCodes !== undefined) showRecoveryCodes(call, recoveryCodes);
  call.io.out(purpose === 'step-up' ? 'Confirmed.' : `You are signed in. Next: postern apps${place}`);
}
