/**
 * The gates of the data path, in the one order in which every request, upgrade and tunnel passes them.
 * Missing means no: a gate that throws is the caller's to treat as a refusal.
 */
import type { GatewaySnapshot } from '../state/snapshot.ts';
import type { Ask, Gate, Verdict } from './ask.ts';
import { canonicalRequestGate } from './canonical-request.ts';
import { certificateGate } from './certificate.ts';
import { crossSiteGate } from './cross-site.ts';
import { destinationGate } from './destination.ts';
import { grantGate } from './grant.ts';
import { limitsGate } from './limits.ts';
import { onceGate } from './once.ts';
import { requestRulesGate } from './request-rules.ts';
import { revocationGate } from './revocation.ts';

export const gates = [
  ['certificate', certificateGate],
  ['grant', grantGate],
  ['revocation', revocationGate],
  ['destination', destinationGate],
  ['canonical-request', canonicalRequestGate],
  ['cross-site', crossSiteGate],
  ['request-rules', requestRulesGate],
  ['limits', limitsGate],
  ['once', onceGate],
] as const satisfies readonly (readonly [string, Gate])[];

const inOrder: readonly Gate[] = gates.map(([, gate]) => gate);

/** The first refusal, or undefined when the request may go on. `at`: controller time in milliseconds. */
export function passGates(ask: Ask, state: GatewaySnapshot, at: number): Verdict {
  for (const gate of inOrder) {
    const verdict = gate(ask, state, at);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}
