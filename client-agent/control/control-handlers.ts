/** What each call of the control socket does: the agent's own methods, in words that survive JSON. */
import { errorTable, PosternError } from '#shared/base/errors.ts';
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, RouteShape } from '#shared/contracts/route.ts';
import type { Agent, LocalSide, PostureShown } from '../agent-api.ts';
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
  readonly recentLogs: (() => readonly string[]) | undefined;
}

export function controlHandlers({ agent, local, recentLogs }: HandlerParts): ControlHandlers {
  return {
    status: () => ({
      pid: process.pid,
      state: agent.state(),
      holds: agent.holds(),
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
    rekey: () => agent.rekey(),
  };
}

function told({ failure, ...posture }: PostureShown): PostureTold {
  if (failure === undefined) return posture;
  return { ...posture, failure: { code: failure.code, title: failure.tell ?? errorTable[failure.code].title } };
}
