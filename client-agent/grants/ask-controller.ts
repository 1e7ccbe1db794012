/** How the desk asks the controller for a grant: with a session that is awake, a certificate that is good, bound to the key of now. */
import { PosternError } from '#shared/base/errors.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { CertificateCare } from '../to-controller/certificate-care.ts';
import type { ControllerLink } from '../to-controller/controller-link.ts';
import type { Sessions } from '../to-controller/sessions.ts';
import type { SessionKnocks } from '../to-gateway/session-knocks.ts';
import type { GrantOrder } from './grant-desk.ts';
import { isBoundTo } from './read-own-grant.ts';

export interface AskParts {
  readonly keystore: Keystore;
  readonly sessions: Sessions;
  readonly care: CertificateCare;
  readonly link: ControllerLink;
  readonly knocks: SessionKnocks;
}

/** What it returns rejects with `session-required`, `session-idle`, or the controller's refusal. */
export function askController({ keystore, sessions, care, link, knocks }: AskParts) {
  return async (order: GrantOrder): Promise<GrantGiven> => {
    if (!sessions.isSignedIn()) throw new PosternError('session-required', 'nobody is signed in');
    if (sessions.isIdle()) throw new PosternError('session-idle', 'the session waits for one factor');
    const { app, act, exact, trace, avoid = [] } = order;
    await care.ensure();
    const request = {
      ...(exact === undefined ? {} : { request: exact }),
      ...(avoid.length > 0 ? { avoid: [...avoid] } : {}),
    };
    const body = () => ({ app, act, ...request, idleMs: Math.round(sessions.idleMs()), trace });
    let given = await link.calls.grants({ body: body() });
    // Asked for before the key was changed, answered after: no gateway takes it on a connection of the new key (P4).
    if (!isBoundTo(given.grant, keystore.jkt)) given = await link.calls.grants({ body: body() });
    knocks.use(given.knock?.secret);
    return given;
  };
}
