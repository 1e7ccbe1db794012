/** One call of `/v1/me` for the CLI: only what the contract names, and only what it takes. */
import { Check } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import type { Agent } from '../agent-api.ts';

export interface AccountCall {
  readonly call: string;
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

export async function callAccount({ me }: Pick<Agent, 'me'>, { call, ...input }: AccountCall): Promise<unknown> {
  if (!Object.hasOwn(myAccount, call)) throw new PosternError('not-found');
  const name = call as keyof typeof myAccount;
  const route: RouteShape = myAccount[name];
  for (const part of ['params', 'query', 'body'] as const) {
    const schema = route[part];
    const given = input[part];
    if (schema === undefined ? given !== undefined : !Check(schema, given ?? {})) {
      // The only params are ids: one of another form is none of this person's.
      if (part === 'params') throw new PosternError('not-found', undefined, { tell: 'There is nothing with this id.' });
      throw new PosternError('bad-request', undefined, { tell: `${part} is not what is expected here` });
    }
  }
  return await (me[name] as (input: unknown) => Promise<unknown>)(input);
}
