/** What every local request must pass before anybody looks at where it goes. */
import type { IncomingMessage } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { createHeadGuard } from '#shared/wire/request-head.ts';

export type CheckHead = (req: IncomingMessage) => PosternError | undefined;

/** One for each server: what follows a refused head on the same connection is refused too. */
export function createCheckHead(): CheckHead {
  const guard = createHeadGuard();
  return (req) => {
    const reason = guard(req);
    if (reason !== undefined) return new PosternError('request-refused', undefined, { extra: { reason } });
    // P15: these names are the agent's own voice towards a gateway.
    const isOurs = Object.keys(req.headers).some((name) => /^postern[-_]/.test(name));
    return isOurs
      ? new PosternError('request-refused', undefined, { extra: { reason: 'reserved-header' } })
      : undefined;
  };
}
