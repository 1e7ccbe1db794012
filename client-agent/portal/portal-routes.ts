/** The portal's API as a table: what a person can ask of their own agent. Changes are POST and DELETE (P29). */
import { type TObject, Type } from 'typebox';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { appId, madeId, strict, text } from '#shared/contracts/common.ts';
import { type SignInMethod, signInMethod, signInPurpose } from '#shared/contracts/sign-in.ts';
import type { PostureShown, SignInStateShown } from '../agent-api.ts';
import { placeArguments } from '../cli/place-arguments.ts';
import { viewApp } from './app-view.ts';
import type { PortalOptions } from './portal.ts';
import { viewPosture } from './posture-view.ts';
import { withQrCode } from './qr-code.ts';

export interface PortalCall {
  readonly params: object;
  readonly query: object;
  readonly body: object;
}

export interface PortalRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly params?: TObject;
  /** Query values arrive as text. */
  readonly query?: TObject;
  readonly body?: TObject;
  /** Undefined answers 204. */
  readonly run: (call: PortalCall, options: PortalOptions) => unknown;
}

const answerBody = strict({ method: signInMethod, value: Type.Optional(text(1024)) });
type AnswerBody = {
  readonly method: SignInMethod;
  readonly value?: string;
};

export const portalRoutes: readonly PortalRoute[] = [
  {
    method: 'GET',
    path: '/api/state',
    run: (_, { agent, port, clock }) => ({ ...agent.state(), port: port(), now: clock.now() }),
  },
  { method: 'GET', path: '/api/apps', run: (_, options) => shown(options.agent.apps(), options) },
  {
    method: 'POST',
    path: '/api/apps',
    run: async (_, options) => shown(await options.agent.refreshApps(), options),
  },
  {
    method: 'POST',
    path: '/api/sign-in',
    body: strict({ purpose: signInPurpose }),
    run: async ({ body }, { agent }) => drawn(await agent.signIn.start((body as { purpose: 'sign-in' }).purpose)),
  },
  {
    method: 'POST',
    path: '/api/sign-in/:flow',
    params: strict({ flow: madeId }),
    body: answerBody,
    async run({ params, body }, { agent }) {
      const { method, value } = body as AnswerBody;
      return drawn(await agent.signIn.answer((params as { flow: string }).flow, method, value));
    },
  },
  { method: 'POST', path: '/api/sign-out', run: (_, { agent }) => agent.signOut() },
  { method: 'GET', path: '/api/holds', run: (_, { agent, clock }) => ({ now: clock.now(), holds: agent.holds() }) },
  {
    method: 'DELETE',
    path: '/api/holds/:id',
    params: strict({ id: text(64) }),
    run: ({ params }, { agent }) => agent.giveUp((params as { id: string }).id),
  },
  {
    method: 'GET',
    path: '/api/posture',
    run(_, { agent, clock }) {
      const last = agent.posture.last();
      return { now: clock.now(), posture: last === undefined ? null : posture(last) };
    },
  },
  {
    method: 'POST',
    path: '/api/posture',
    run: async (_, { agent, clock }) => ({
      posture: posture(await agent.posture.reportNow()),
      now: clock.now(),
    }),
  },
  {
    method: 'GET',
    path: '/api/why',
    query: strict({ app: Type.Optional(appId) }),
    run: ({ query }, { agent, clock }) => ({
      now: clock.now(),
      refused: agent.why((query as { app?: string }).app),
    }),
  },
  { method: 'GET', path: '/api/doctor', run: async (_, { agent }) => ({ lines: await agent.doctor() }) },
];

function shown(apps: readonly AppListed[], { agent, port, directory }: PortalOptions) {
  const place = directory === undefined ? '' : placeArguments(directory, agent.profile);
  return { apps: apps.map((app) => viewApp(app, port(), place)) };
}

function posture(shown: PostureShown) {
  const problem = shown.failure?.toProblem();
  return viewPosture(
    shown,
    problem === undefined ? undefined : { code: problem.code, title: problem.detail ?? problem.title },
  );
}

async function drawn(state: SignInStateShown): Promise<unknown> {
  return state.totp === undefined ? state : { ...state, totp: await withQrCode(state.totp) };
}
