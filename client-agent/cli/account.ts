/** `postern factors|devices|sessions|access`: one's own account, as the controller keeps it. */
import type { CliCall } from '#shared/base/cli.ts';
import { type Cell, printTable } from '#shared/base/print-table.ts';
import type { myAccount } from '#shared/contracts/my-account.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { openAnswers } from './answers.ts';
import { ask } from './ask-account.ts';
import { newPassword } from './login.ts';
import { showRecoveryCodes, showTotp } from './show-totp.ts';
import { withAgent } from './with-agent.ts';
import { ago, answer } from './words.ts';

type Mine = typeof myAccount;

function list<N extends keyof Mine>(
  name: N,
  rows: (answer: AnswerOf<Mine[N]>) => Record<string, Cell>[],
  input?: object,
) {
  return async (call: CliCall): Promise<void> => {
    const found = await withAgent(call, (control) => ask(control, name, input));
    answer(call, found, () => call.io.out(printTable(rows(found))));
  };
}

function change(name: keyof Mine, done: string) {
  return async (call: CliCall): Promise<void> => {
    await withAgent(call, (control) => ask(control, name, { params: { id: call.args[0] } }));
    answer(call, { done: true, id: call.args[0] }, () => call.io.out(done));
  };
}

const since = (at: number): string => ago(Date.now() - at);

export const listFactors = list('factors', ({ factors }) =>
  factors.map(({ id, kind, name, createdAt, left }) => ({ id, kind, name, since: since(createdAt), left })),
);
export const listDevices = list('devices', ({ devices }) =>
  devices.map(({ id, name, os, state, enrolledAt, lastSeenAt, here, fingerprint }) => ({
    id,
    name,
    os,
    state,
    since: since(enrolledAt),
    seen: lastSeenAt === undefined ? undefined : since(lastSeenAt),
    here,
    fingerprint,
  })),
);
export const listSessions = list('sessions', ({ sessions }) =>
  sessions.map(({ id, device, startedAt, lastActiveAt, here }) => ({
    id,
    device,
    since: since(startedAt),
    active: since(lastActiveAt),
    here,
  })),
);
export const listNotices = list('notices', ({ notices }) =>
  notices.map(({ at, what, new: isNew }) => ({ when: since(at), what, new: isNew })),
);

export const listAccess = list(
  'access',
  ({ records }) =>
    records.map(({ time, kind, app, request, verdict, reasons, trace }) => ({
      when: since(time),
      kind,
      app,
      request: request === undefined ? undefined : `${request.method} ${request.path}`,
      verdict: verdict === 'none' ? undefined : verdict,
      reasons: reasons.join(' '),
      trace,
    })),
  { query: { limit: 50 } },
);

export const removeFactor = change('removeFactor', 'The factor is removed.');
export const removeDevice = change('removeDevice', 'The device is out of service.');
export const endSession = change('endSession', 'The session has ended.');

export async function changePassword(call: CliCall): Promise<void> {
  const answers = openAnswers();
  try {
    const current = await answers.ask('Password now');
    const next = await newPassword(answers);
    await withAgent(call, (control) => ask(control, 'changePassword', { body: { current, next } }));
  } finally {
    answers.close();
  }
  answer(call, { done: true }, () => call.io.out('The password is changed.'));
}

export async function addTotp(call: CliCall): Promise<void> {
  const answers = openAnswers();
  try {
    await withAgent(call, async (control) => {
      const totp = await ask(control, 'addTotp');
      await showTotp(call, totp);
      const code = (await answers.ask('Code that the app shows now')).replaceAll(/\s/g, '');
      await ask(control, 'confirmTotp', { params: { id: totp.id }, body: { code } });
    });
  } finally {
    answers.close();
  }
  answer(call, { done: true }, () => call.io.out('The authenticator app is set up.'));
}

export async function renewRecoveryCodes(call: CliCall): Promise<void> {
  const { codes } = await withAgent(call, (control) => ask(control, 'recoveryCodes'));
  answer(call, { codes }, () => showRecoveryCodes(call, codes));
}
