/**
 * The admin API (P6): on a Unix socket of the controller's host. A caller without an admin session is the owner at the
 * shell; every change then needs a reason (`Postern-Reason`), and each call that changes something leaves a record.
 * Split by subject; `adminContract` is the whole table.
 */

import { adminAnalysis } from './admin-analysis.ts';
import { adminApiClients } from './admin-api-clients.ts';
import { adminApps } from './admin-apps.ts';
import { adminAuthzen } from './admin-authzen.ts';
import { adminCuts } from './admin-cuts.ts';
import { adminDevices } from './admin-devices.ts';
import { adminDrafts } from './admin-drafts.ts';
import { adminEvidence } from './admin-evidence.ts';
import { adminExplain } from './admin-explain.ts';
import { adminIdentity } from './admin-identity.ts';
import { adminKeys } from './admin-keys.ts';
import { adminLog } from './admin-log.ts';
import { adminLogAnchors } from './admin-log-anchors.ts';
import { adminLogStreams } from './admin-log-streams.ts';
import { adminPeople } from './admin-people.ts';
import { adminPolicy } from './admin-policy.ts';
import { adminProofs } from './admin-proofs.ts';
import { adminRecovery } from './admin-recovery.ts';
import { adminReports } from './admin-reports.ts';
import { adminRetention } from './admin-retention.ts';
import { adminReviews } from './admin-reviews.ts';
import { adminSearch } from './admin-search.ts';
import { adminShadow } from './admin-shadow.ts';
import { adminSystem } from './admin-system.ts';
import { adminTouched } from './admin-touched.ts';

export const reasonHeader = 'postern-reason';

export const adminContract = {
  ...adminIdentity,
  ...adminPeople,
  ...adminDevices,
  ...adminApps,
  ...adminPolicy,
  ...adminDrafts,
  ...adminAnalysis,
  ...adminShadow,
  ...adminCuts,
  ...adminKeys,
  ...adminLog,
  ...adminProofs,
  ...adminReports,
  ...adminReviews,
  ...adminEvidence,
  ...adminRetention,
  ...adminSearch,
  ...adminLogStreams,
  ...adminLogAnchors,
  ...adminExplain,
  ...adminRecovery,
  ...adminSystem,
  ...adminTouched,
  ...adminApiClients,
  ...adminAuthzen,
} as const;
