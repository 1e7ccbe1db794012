/** The admin API (P6): on a Unix socket of the controller's host, for this user alone. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { adminCuts } from '#shared/contracts/admin-cuts.ts';
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { serveContract } from '#shared/wire/serve-contract.ts';
import type { AdminParts } from './admin-parts.ts';
import { analysisHandlers } from './analysis-handlers.ts';
import { apiClientHandlers } from './api-client-handlers.ts';
import { appHandlers } from './app-handlers.ts';
import { authorizeAdmin } from './authorize-admin.ts';
import { authzenHandlers } from './authzen-handlers.ts';
import { cutHandlers } from './cut-handlers.ts';
import { DearReadings } from './dear-readings.ts';
import { deviceHandlers } from './device-handlers.ts';
import { draftHandlers } from './draft-handlers.ts';
import { erasureHandlers } from './erasure-handlers.ts';
import { evidenceHandlers } from './evidence-handlers.ts';
import { explainHandlers } from './explain-handlers.ts';
import { groupHandlers } from './group-handlers.ts';
import { holdHandlers } from './hold-handlers.ts';
import { identityHandlers } from './identity-handlers.ts';
import { invitationHandlers } from './invitation-handlers.ts';
import { keyHandlers } from './key-handlers.ts';
import { logAnchorHandlers } from './log-anchor-handlers.ts';
import { logHandlers } from './log-handlers.ts';
import { logStreamHandlers } from './log-stream-handlers.ts';
import { peopleHandlers } from './people-handlers.ts';
import { policyHandlers } from './policy-handlers.ts';
import { proofHandlers } from './proof-handlers.ts';
import { recordRefusals } from './record-admin.ts';
import { recoveryHandlers } from './recovery-handlers.ts';
import { retentionHandlers } from './retention-handlers.ts';
import { reviewHandlers } from './review-handlers.ts';
import { searchHandlers } from './search-handlers.ts';
import { shadowHandlers } from './shadow-handlers.ts';
import { siteHandlers } from './site-handlers.ts';
import { systemHandlers } from './system-handlers.ts';

const takesBack = new Set<string>([adminCuts.revoke.path, adminCuts.contain.path]);

/** Not listening yet: `listenUnix`. */
export function makeAdminServer(parts: AdminParts): FastifyInstance {
  const app = createEdgeApp({ log: parts.log });
  const dear = new DearReadings();
  const [proofs, evidence] = [proofHandlers(parts), evidenceHandlers(parts)];
  const handlers = recordRefusals(parts, adminContract, {
    ...identityHandlers(parts),
    ...peopleHandlers(parts),
    ...erasureHandlers(parts),
    ...groupHandlers(parts),
    ...invitationHandlers(parts),
    ...deviceHandlers(parts),
    ...siteHandlers(parts),
    ...appHandlers(parts),
    ...policyHandlers(parts),
    ...draftHandlers(parts),
    ...analysisHandlers(parts),
    ...shadowHandlers(parts),
    ...cutHandlers(parts),
    ...keyHandlers(parts),
    ...logHandlers(parts),
    ...proofs,
    verifyLog: dear.limited(proofs.verifyLog),
    exportLog: dear.limited(proofs.exportLog),
    ...evidence,
    evidence: dear.limited(evidence.evidence),
    ...retentionHandlers(parts),
    ...holdHandlers(parts),
    ...reviewHandlers(parts),
    ...searchHandlers(parts),
    ...logStreamHandlers(parts),
    ...logAnchorHandlers(parts),
    ...explainHandlers(parts),
    ...recoveryHandlers(parts),
    ...systemHandlers(parts),
    ...apiClientHandlers(parts),
    ...authzenHandlers(parts),
  });
  serveContract(app, adminContract, handlers, {
    async authorize(route: RouteShape, request: FastifyRequest) {
      const caller = await authorizeAdmin(parts, route, request);
      // P24: what is left is for owners, and for taking back.
      if (route.access === 'admin' && caller.role !== 'owner' && !takesBack.has(route.path))
        parts.reserve.requireRoom();
      return caller;
    },
  });
  return app;
}
