/** What several rules say of what was seen. */
import { hour, minute, second } from '#shared/base/clock.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import { type LegFailure, legFailuresOf } from '#shared/wire/doors/leg-failure.ts';
import { type AddressSeen, isReached } from './evidence.ts';

export const listed = (all: readonly string[]): string => [...new Set(all)].join(', ');

export const hostOf = (address: string): string => splitAddress(address).host;

/** Somebody who is not our controller answers at its address. What is only out of its time is ours. */
export function isStranger(seen: AddressSeen): boolean {
  const { greeting } = seen;
  if (isReached(seen)) return false;
  if (greeting?.met === 'other-protocol') return true;
  return greeting?.met === 'certificate' && !greeting.certificate.isOurs && !isOutOfTime(greeting.certificate.refused);
}

const timeReasons = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED', 'not-yet-valid', 'expired']);
export const isOutOfTime = (reason: unknown): boolean => typeof reason === 'string' && timeReasons.has(reason);

/** `2 h`, `3 d`: how far a clock is off. */
export function apart(ms: number): string {
  const size = Math.abs(ms);
  if (size >= 48 * hour) return `${Math.round(size / (24 * hour))} days`;
  if (size >= 1.5 * hour) return `${Math.round(size / hour)} h`;
  return size >= 2 * minute ? `${Math.round(size / minute)} min` : `${Math.round(size / second)} s`;
}

/** What the rungs of the agent's own way met. */
export const failuresOf = ({ call }: AddressSeen): readonly LegFailure[] => (call.ok ? [] : legFailuresOf(call.error));
