/** The person's account at the controller, asked through the agent. */
import type { myAccount } from '#shared/contracts/my-account.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import type { Control } from '../control/open-control.ts';

type Mine = typeof myAccount;

/** One call of `/v1/me`, through the agent, which has the session. */
export async function ask<N extends keyof Mine>(
  { calls }: Control,
  name: N,
  input: object = {},
): Promise<AnswerOf<Mine[N]>> {
  const { answer } = await calls.account({ body: { call: name, ...input } });
  return answer as AnswerOf<Mine[N]>;
}
