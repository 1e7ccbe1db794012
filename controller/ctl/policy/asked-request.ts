/** The request of `--request "METHOD /PATH?QUERY"` and `--host`. */
import type { CliCall } from '#shared/base/cli.ts';
import type { App } from '#shared/contracts/app.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { misuse, option } from '../show.ts';

/** Undefined when none was given. */
export function askedRequest(call: CliCall, app: App): ExactRequest | undefined {
  const asked = option(call, 'request');
  if (asked === undefined) return undefined;
  const [method = '', target = ''] = asked.split(' ');
  if (app.kind === 'tcp' || !target.startsWith('/')) throw misuse('--request is like "GET /a?b=c"');
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  return { method, host: option(call, 'host') ?? app.hosts[0]!, path, query };
}
