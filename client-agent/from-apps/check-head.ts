/** What every local request must pass before anybody looks at where it goes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { createHeadGuard } from '#shared/wire/request-head.ts';

export type CheckHead = (req: IncomingMessage, res: ServerResponse) => PosternError | undefined;

/** One for each server: what follows a refused head on the same connection is refused too. */
export function createCheckHead(): CheckHead {
  const guard = createHeadGuard();
  return (req, res) => {
    const reason = guard(req, res);
    if (reason !== undefined) return new PosternError('request-refused', undefined, { extra: { reason } });
    // P15: these names are the agent's own voice towards a gateway.
    const isOurs = Object.keys(req.headers).some((name) => /^postern[-_]/.test(name));
    if (!isOurs) return undefined;
    res.shouldKeepAlive = false;
    return new PosternError('request-refused', undefined, { extra: { reason: 'reserved-header' } });
  };
}
