/** `POST /v1/grants`. Device and key are those of the handshake, the session is the caller's (P4). */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { KnockSecrets } from '../authority/knock-secrets.ts';
import type { AwaitDoors } from '../grants/await-doors.ts';
import { type GrantParts, issueGrant } from '../grants/issue-grant.ts';
import { BatchedTransactions } from '../store/batched-transactions.ts';

/** What the edge's `authorize` has found: the live session of a `session` route, undefined elsewhere. */
export interface SignedInCaller {
  readonly session?: { readonly id: string; readonly startedAt: number } | undefined;
}

type Routes = Pick<Handlers<typeof agentToController, SignedInCaller>, 'grants'>;

export interface GrantRouteParts extends GrantParts {
  /** What a session knocks with at gateways that hide (P26), and how long to wait for them after a sign-in. */
  readonly knocks?: Pick<KnockSecrets, 'ofSession'>;
  readonly awaitDoors?: AwaitDoors;
}

export function grantRoutes(given: GrantRouteParts): Routes {
  const parts = { batch: new BatchedTransactions(given.db), ...given };
  return {
    grants: async ({ peer, caller, body, trace, request }) => {
      const { id, jkt } = devicePeer(peer);
      const { session } = caller;
      if (session !== undefined) await given.awaitDoors?.(session);
      const answer = await issueGrant(parts, {
        device: id,
        jkt,
        session: session?.id,
        app: body.app,
        act: body.act,
        request: body.request,
        avoid: body.avoid,
        idleMs: body.idleMs,
        address: request.raw.socket.remoteAddress ?? '',
        // The agent's own trace joins its log, the gateway's and this one.
        trace: body.trace ?? trace,
      });
      const isHidden = answer.gateways.some(({ door }) => door !== undefined);
      if (!isHidden || session === undefined || given.knocks === undefined) return answer;
      return { ...answer, knock: { secret: given.knocks.ofSession(session.id) } };
    },
  };
}

/** Throws `role-refused`: only devices have posture, apps and grants (P1). */
export function devicePeer(peer: Peer | undefined): Peer {
  if (peer?.role !== 'device') throw new PosternError('role-refused', `a ${peer?.role ?? 'stranger'} is no device`);
  return peer;
}
