/** The bootstrap server (P3): server-authenticated only, small bodies, for peers that have no valid certificate yet. */
import type { FastifyRequest } from 'fastify';
import type { Log } from '#shared/base/log.ts';
import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { serveContract } from '#shared/wire/serve-contract.ts';
import type { DiskReserve } from '../store/disk-reserve.ts';
import { originOf } from './authorize-peer.ts';
import { type BootstrapParts, bootstrapRoutes } from './bootstrap-routes.ts';
import type { ControllerDoor } from './controller-door.ts';
import { type HttpsListener, makeListener } from './https-listener.ts';
import { limitSources } from './limit-sources.ts';

/** Strangers' connections at once; each costs a TLS handshake and some memory. An office behind one address is one source. */
const limits = { perSource: 128, total: 1024 };

export function makeBootstrapServer(
  parts: BootstrapParts & {
    readonly log: Log;
    readonly reserve: Pick<DiskReserve, 'requireRoom'>;
    readonly entry?: ControllerDoor | undefined;
  },
): HttpsListener {
  const listener = makeListener({ authority: parts.authority, log: parts.log, mutual: false, door: parts.entry });
  limitSources(listener.server, limits);
  const authorize = (route: RouteShape, request: FastifyRequest) => {
    // Strangers and newcomers get nothing of what is reserved for owners (P24).
    if (route.method !== 'GET') parts.reserve.requireRoom();
    return originOf(request);
  };
  const options = { authorize };
  const { agents, gateways } = bootstrapRoutes(parts);
  serveContract(listener.app, agentBootstrap, agents, options);
  serveContract(listener.app, gatewayBootstrap, gateways, options);
  return listener;
}
