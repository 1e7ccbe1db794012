/** What each call of the control socket does: the agent's own methods, in words that survive JSON. */
import { errorTable, PosternError } from '#shared/base/errors.ts';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteShape } from '#shared/contracts/route.ts';
import type { Agent, LocalSide, PostureShown } from '../agent-api.ts';
import type { ClientDesk } from '../clients/client-desk.ts';
import { callAccount } from './call-account.ts';
import type { agentControl, PostureTold } from './control-contract.ts';

interface Call<R extends RouteShape> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
}
type Contract = typeof agentControl;
export type ControlHandlers = {
  readonly [N in Exclude<keyof Contract, 'events'>]: (
    call: Call<Contract[N]>,
  ) => Promise<AnswerOf<Contract[N]>> | AnswerOf<Contract[N]>;
};

export interface HandlerParts {
  readonly agent: Agent;
  readonly local: LocalSide | undefined;
  readonly clients: ClientDesk;
  readonly recentLogs: (() => readonly string[]) | undefined;
}

export function controlHandlers({ agent, local, clients, recentLogs }: HandlerParts): ControlHandlers {
  return {
    status: () => ({
      pid: process.pid,
      state: agent.state(),
      holds: agent.holds(),
      clients: clients.list(),
      local: local?.addresses() ?? [],
    }),
    apps: async () => ({ apps: await agent.refreshApps() }),
    startSignIn: ({ body }) => agent.signIn.start(body.purpose),
    answerSignIn: ({ params, body }) => agent.signIn.answer(params.flow, body.method, body.value),
    signOut: () => agent.signOut(),
    posture: () => {
      const posture = agent.posture.last();
      return posture === undefined ? {} : { posture: told(posture) };
    },
    reportPosture: async () => ({ posture: told(await agent.posture.reportNow()) }),
    why: ({ query }) => ({ refused: agent.why(query.app) }),
    giveUp: ({ params }) => agent.giveUp(params.id),
    doctor: async () => ({ lines: await agent.doctor() }),
    logs: () => ({ lines: recentLogs?.() ?? [] }),
    openLink: ({ body }) => {
      if (local === undefined) throw new PosternError('not-found', 'this agent has no local side');
      return local.openLink(body.app);
    },
    account: async ({ body }) => ({ answer: await callAccount(agent, body) }),
    addClient: async ({ body: { name, apps, expiresAt } }) => {
      await requireApps(agent, apps);
      return clients.add({ name, apps, expiresAt });
    },
    removeClient: ({ params }) => ({ cut: clients.remove(params.name) }),
    renew: () => agent.renew(),
    rekey: () => agent.rekey(),
  };
}

/** A name mistyped would be found out only by the program. Where no list can be had, names are taken as they are. */
async function requireApps(agent: Agent, wanted: readonly string[]): Promise<void> {
  if (!agent.state().session.signedIn) return;
  const apps = await agent.refreshApps().catch(() => undefined);
  const unknown = wanted.find((id) => apps?.some((app) => app.id === id) === false);
  if (unknown === undefined) return;
  const tell = `You have no app called ${unknown}. See: postern apps`;
  throw new PosternError('not-allowed', tell, { tell });
}

function told({ failure, ...posture }: PostureShown): PostureTold {
  if (failure === undefined) return posture;
  return { ...posture, failure: { code: failure.code, title: failure.tell ?? errorTable[failure.code].title } };
}
