/** `POST /v1/grants`. Device and key are those of the handshake, the session is the caller's (P4). */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { type GrantParts, issueGrant } from '../grants/issue-grant.ts';
import { BatchedTransactions } from '../store/batched-transactions.ts';

/** What the edge's `authorize` has found: the live session of a `session` route, undefined elsewhere. */
export interface SignedInCaller {
  readonly session?: { readonly id: string } | undefined;
}

type Routes = Pick<Handlers<typeof agentToController, SignedInCaller>, 'grants'>;

export function grantRoutes(given: GrantParts): Routes {
  const parts = { batch: new BatchedTransactions(given.db), ...given };
  return {
    grants: ({ peer, caller, body, trace, request }) => {
      const { id, jkt } = devicePeer(peer);
      return issueGrant(parts, {
        device: id,
        jkt,
        session: caller.session?.id,
        app: body.app,
        act: body.act,
        request: body.request,
        idleMs: body.idleMs,
        address: request.raw.socket.remoteAddress ?? '',
        // The agent's own trace joins its log, the gateway's and this one.
        trace: body.trace ?? trace,
      });
    },
  };
}

/** Throws `role-refused`: only devices have posture, apps and grants (P1). */
export function devicePeer(peer: Peer | undefined): Peer {
  if (peer?.role !== 'device') throw new PosternError('role-refused', `a ${peer?.role ?? 'stranger'} is no device`);
  return peer;
}
