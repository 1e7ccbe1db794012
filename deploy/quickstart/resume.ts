/** A later start: the same state, the same processes; whoever's session has ended signs in again with what is remembered. */
import { asPosternError } from '#shared/base/errors.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import type { AgentClient } from './clients.ts';
import { untilItWorks } from './clients.ts';
import type { SetUp } from './set-up.ts';
import {
  gatewayIsFresh,
  startAgentProcess,
  startAppsProcess,
  startControllerProcess,
  startGatewayProcess,
  type Triangle,
} from './start-triangle.ts';
import { people, type QuickstartState, type SampleUser } from './state.ts';

export async function resume(triangle: Triangle, state: QuickstartState, say: (line: string) => void): Promise<SetUp> {
  say(`starting from ${triangle.state.dir}`);
  startAppsProcess(triangle);
  const admin = await startControllerProcess(triangle);
  startGatewayProcess(triangle);
  const made = await Promise.all(
    people.map(async (person) => {
      const agent = await startAgentProcess(triangle, person);
      // Contained, removed, another password: what was done to the sample must not keep it from starting.
      await signInAgain(agent, state.people[person]).catch((error: unknown) => {
        say(`${person} could not be signed in: ${asPosternError(error).message}`);
      });
      return [person, agent] as const;
    }),
  );
  await gatewayIsFresh(admin);
  return { admin, agents: Object.fromEntries(made) as SetUp['agents'], state };
}

async function signInAgain(agent: AgentClient, user: SampleUser): Promise<void> {
  const { session } = (await agent.status({})).state;
  if (session.signedIn && !session.idle) return;
  await signIn(agent, user);
}

/** Asking again is counted against the person, and a factor that was refused will be refused again. */
const mayPass = (error: unknown): boolean => !lasting.includes(asPosternError(error).code);
const lasting: readonly string[] = ['sign-in-refused', 'sign-in-throttled', 'over-budget', 'device-suspended'];

/** Password and one-time code; a code that was used is followed by the next one, which is good half a minute early. */
export async function signIn(agent: AgentClient, user: SampleUser): Promise<void> {
  await untilItWorks(
    async () => {
      const { flow } = await agent.startSignIn({ body: { purpose: 'sign-in' } });
      await agent.answerSignIn({ params: { flow }, body: { method: 'password', value: user.password } });
      await giveCode(agent, user, flow);
    },
    5000,
    mayPass,
  );
}

export async function giveCode(agent: AgentClient, user: SampleUser, flow: string): Promise<void> {
  const answer = (aheadMs: number) =>
    agent.answerSignIn({
      params: { flow },
      body: { method: 'totp', value: currentTotp(user.totpSecret, Date.now() + aheadMs) },
    });
  await answer(0).catch(() => answer(30_000));
}
