/**
 * The agent's own API for the CLI: HTTP on `agent.sock` in the profile's directory, which only this user can open. Both ends are
 * one program, so answers are typed and not checked; requests are.
 * Tunnels: `CONNECT <app id>` (open-control.ts).
 */
import { type TSchema, Type } from 'typebox';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { appId, madeId, slug, strict, text, time } from '#shared/contracts/common.ts';
import { defineContract } from '#shared/contracts/route.ts';
import { signInMethod, signInPurpose } from '#shared/contracts/sign-in.ts';
import type { AgentState, DoctorLine, Hold, PostureShown, Refused, SignInStateShown } from '../agent-api.ts';
import type { ClientSeen } from '../clients/client-desk.ts';

const typed = <T>() => Type.Unsafe<T>(Type.Unknown() as TSchema);

export interface ControlStatus {
  readonly pid: number;
  readonly state: AgentState;
  readonly holds: readonly Hold[];
  readonly clients: readonly ClientSeen[];
  readonly local: readonly { readonly name: string; readonly address: string }[];
}

/** The failure as its problem document: an error does not survive JSON. */
export type PostureTold = Omit<PostureShown, 'failure'> & {
  readonly failure?: { readonly code: string; readonly title: string };
};

export const agentControl = defineContract({
  status: {
    method: 'GET',
    path: '/v1/status',
    summary: 'What the agent says of itself',
    access: 'open',
    answer: typed<ControlStatus>(),
  },
  apps: {
    method: 'GET',
    path: '/v1/apps',
    summary: 'The apps, asked for again',
    access: 'open',
    answer: typed<{ readonly apps: readonly AppListed[] }>(),
  },
  startSignIn: {
    method: 'POST',
    path: '/v1/sign-in',
    summary: 'Start a sign-in, step-up or resumption',
    access: 'open',
    body: strict({ purpose: signInPurpose }),
    answer: typed<SignInStateShown>(),
  },
  answerSignIn: {
    method: 'POST',
    path: '/v1/sign-in/:flow',
    summary: 'Answer a step of it',
    access: 'open',
    params: strict({ flow: madeId }),
    body: strict({ method: signInMethod, value: Type.Optional(text(1024)) }),
    answer: typed<SignInStateShown>(),
  },
  signOut: { method: 'POST', path: '/v1/sign-out', summary: 'End the session', access: 'open' },
  posture: {
    method: 'GET',
    path: '/v1/posture',
    summary: 'The last posture report',
    access: 'open',
    answer: typed<{ readonly posture?: PostureTold }>(),
  },
  reportPosture: {
    method: 'POST',
    path: '/v1/posture',
    summary: 'Collect and report posture now',
    access: 'open',
    answer: typed<{ readonly posture: PostureTold }>(),
  },
  why: {
    method: 'GET',
    path: '/v1/why',
    summary: 'The last refusals, newest first',
    access: 'open',
    query: strict({ app: Type.Optional(appId) }),
    answer: typed<{ readonly refused: readonly Refused[] }>(),
  },
  giveUp: {
    method: 'POST',
    path: '/v1/holds/:id/give-up',
    summary: 'Stop waiting for the person',
    access: 'open',
    params: strict({ id: text(64) }),
  },
  doctor: {
    method: 'GET',
    path: '/v1/doctor',
    summary: 'Every leg looked at',
    access: 'open',
    answer: typed<{ readonly lines: readonly DoctorLine[] }>(),
  },
  logs: {
    method: 'GET',
    path: '/v1/logs',
    summary: 'The last lines of the log',
    access: 'open',
    answer: typed<{ readonly lines: readonly string[] }>(),
  },
  openLink: {
    method: 'POST',
    path: '/v1/open',
    summary: 'A file that signs a browser in once',
    access: 'open',
    body: strict({ app: Type.Optional(appId) }),
    answer: typed<{ readonly file: string; readonly url: string }>(),
  },
  account: {
    method: 'POST',
    path: '/v1/account',
    summary: 'One call of `/v1/me` in the name of the session',
    access: 'open',
    body: strict({
      call: text(32),
      params: Type.Optional(Type.Unknown()),
      query: Type.Optional(Type.Unknown()),
      body: Type.Optional(Type.Unknown()),
    }),
    answer: typed<{ readonly answer?: unknown }>(),
  },
  addClient: {
    method: 'POST',
    path: '/v1/clients',
    summary: 'A proxy user and password for a program, limited to apps',
    access: 'open',
    body: strict({
      name: slug,
      apps: Type.Array(appId, { minItems: 1, maxItems: 64 }),
      expiresAt: Type.Optional(time),
    }),
    answer: typed<{ readonly client: ClientSeen; readonly password: string }>(),
  },
  removeClient: {
    method: 'DELETE',
    path: '/v1/clients/:name',
    summary: 'Take it back, and end what runs under it',
    access: 'open',
    params: strict({ name: slug }),
    answer: typed<{ readonly cut: number }>(),
  },
  renew: { method: 'POST', path: '/v1/renew', summary: 'Renew the certificate now', access: 'open' },
  rekey: { method: 'POST', path: '/v1/rekey', summary: 'Change the device key', access: 'open' },
  events: {
    method: 'GET',
    path: '/v1/events',
    summary: 'LocalEvents as they happen',
    access: 'open',
    stream: 'ndjson',
  },
});
