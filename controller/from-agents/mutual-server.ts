/**
 * The mutual server: every connection has a certificate of a device or a gateway (P1, P2), every route names the one role
 * it is for. Agents' routes come from several files; a route without a handler stops the start.
 */
import type { FastifyRequest } from 'fastify';
import type { Log } from '#shared/base/log.ts';
import { agentToController } from '#shared/contracts/agent-to-controller.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { guardServer, type Peer } from '#shared/wire/admit-peer.ts';
import { type Handlers, serveContract } from '#shared/wire/serve-contract.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import type { DiskReserve } from '../store/disk-reserve.ts';
import { authorizeDevice, authorizeGateway, type DeviceCaller, type GatewayCaller } from './authorize-peer.ts';
import type { ControllerDoor } from './controller-door.ts';
import { type HttpsListener, makeListener } from './https-listener.ts';
import { RefusedCalls } from './refused-calls.ts';

export interface MutualServerParts extends IdentityParts {
  readonly log: Log;
  readonly reserve: Pick<DiskReserve, 'requireRoom'>;
  /** In front of it, if anything is. */
  readonly entry?: ControllerDoor | undefined;
  /** All handlers of edge 1, merged from the files that write them. */
  readonly agents: Handlers<typeof agentToController, DeviceCaller>;
  readonly me: Handlers<typeof myAccount, DeviceCaller>;
  readonly gateways: Handlers<typeof gatewayToController, GatewayCaller>;
}

export interface MutualServer extends HttpsListener {
  /** Ends the connections of peers that were suspended or lost their key; returns how many. */
  cut(test: (peer: Peer) => boolean): number;
}

export function makeMutualServer(parts: MutualServerParts): MutualServer {
  const { authority, clock, log, entry } = parts;
  const prelude = entry?.prelude;
  const listener = makeListener({ authority, log, mutual: true, door: entry });
  const guard = guardServer(listener.server, {
    trustDomain: authority.trustDomain,
    roles: ['device', 'gateway'],
    clock,
    // The deny list is the store's, and the store is asked for every request: `authorizeDevice` can then also say why.
    denied: () => false,
    knockOf: prelude && ((socket) => prelude.clientOf(socket)),
    onRefused: (reason, socket, detail) => {
      log.info({ reason, detail, from: socket.remoteAddress }, 'a connection was refused');
    },
  });
  const refused = new RefusedCalls(parts);
  const device = {
    async authorize(route: RouteShape, request: FastifyRequest) {
      const caller = await authorizeDevice({ ...parts, refused }, route, request);
      // P24: what is left is for owners. Reading goes on for all, and so does ending a session.
      const mayWait = route.method !== 'GET' && route.path !== agentToController.signOut.path;
      if (mayWait && caller.person.role !== 'owner') parts.reserve.requireRoom();
      return caller;
    },
  };
  serveContract(listener.app, agentToController, parts.agents, device);
  serveContract(listener.app, myAccount, parts.me, device);
  serveContract(listener.app, gatewayToController, parts.gateways, {
    async authorize(route: RouteShape, request: FastifyRequest) {
      const caller = await authorizeGateway(parts, route, request);
      // Records can wait in the spools. What gateways confirm cannot.
      if (route.path === gatewayToController.records.path) parts.reserve.requireRoom();
      return caller;
    },
  });
  return { ...listener, cut: (test) => guard.cut(test) };
}
