/** Certificates begin before they are issued, so that clocks which differ find them good. */
import type { X509Certificate } from 'node:crypto';
import { day, minute } from '../base/clock.ts';
import type { Role } from './spiffe.ts';

/** Of devices' certificates, which servers judge: clocks of servers differ a little. */
const forServers = minute;
/**
 * Of all that devices judge, whose clocks may be wrong by as much as the controller's door allows (P25): one that is behind must still
 * find its way to the controller, which tells it the time. One that is ahead has what is left of the life, eight hours at least.
 */
export const backdateForDevices = day;

/** Milliseconds. */
export const backdateOf = (role: Role): number => (role === 'device' ? forServers : backdateForDevices);

/** Milliseconds since the epoch. */
export const issuedAt = (leaf: X509Certificate, role: Role): number => leaf.validFromDate.getTime() + backdateOf(role);
