/** Legs that only the rungs of the agent's own way can tell of: the system's proxy, and a knock by UDP. */
import { minute } from '#shared/base/clock.ts';
import type { LegFailure } from '#shared/wire/doors/leg-failure.ts';
import type { Evidence, WaySeen } from './evidence.ts';
import { isReached } from './evidence.ts';
import type { Finding } from './legs.ts';
import { apart, failuresOf, listed } from './seen-words.ts';

export function judgeProxy({ addresses }: Evidence): Finding[] {
  const at = { leg: 'proxy', name: 'HTTP proxy' } as const;
  const [failure] = addresses.flatMap(failuresOf).filter(({ leg }) => leg === 'proxy');
  if (failure === undefined) return [];
  const { how, detail } = failure;
  // One that answers has the last word on where its clients may go; one that does not may be of another network.
  if (!how.startsWith('status-') || addresses.some(isReached)) return [{ ...at, ok: undefined, detail }];
  const says = `The HTTP proxy of this system is in the way: ${detail}.`;
  return [{ ...at, ok: false, detail, says, fix: 'Look at the proxy settings, or ask whoever runs the proxy.' }];
}

/** By what the doctor's own calls met, and by what was met when the ways in use were looked for: these stay on the rung that worked. */
export function judgeUdp({ addresses, ways }: Evidence): Finding[] {
  const at = { leg: 'udp', name: 'knock by UDP' } as const;
  const failed = addresses.flatMap((seen) => failuresOf(seen).filter(isKnock));
  const lower = ways.flatMap(lowerRung);
  if (failed.length === 0 || addresses.some(isReached)) return lower.map((found) => ({ ...at, ...found }));
  const rungs = listed(failed.map(({ rung }) => rung));
  const detail = `no port opened after it (${rungs}): UDP is blocked on the way, knock and connection leave by different addresses, the door did not take the knock, or the controller is off; these look the same from here`;
  return [
    {
      ...at,
      ok: false,
      detail,
      says: `The knock by UDP opens nothing: ${detail}.`,
      fix: 'Try another network; if it is the same there, ask your administrator.',
    },
  ];
}

const isKnock = ({ leg }: LegFailure): boolean => leg === 'knock';

/** The same key led in by another rung: neither key nor clock is why, and the server is not off. */
function lowerRung({
  door,
  rung,
  above,
  isFailing,
  lookedMsAgo,
  failures,
}: WaySeen): Pick<Finding, 'ok' | 'detail' | 'fix'>[] {
  const knocks = above.filter((name) => name.startsWith('udp '));
  if (isFailing || rung === undefined || knocks.length === 0) return [];
  const failed = failures.filter(isKnock);
  const held = failed.find(({ how }) => how === 'EPERM' || how === 'EACCES');
  const when = lookedMsAgo < minute ? '' : `, ${apart(lookedMsAgo)} ago`;
  const why =
    held !== undefined
      ? `a firewall of this device holds UDP back (${held.how})`
      : 'UDP is blocked on the way, or knock and connection leave by different addresses (carrier NAT)';
  const seen = failed.length > 0 ? `${why}: ${listed(knocks)} opened no port` : `${listed(knocks)} did not lead`;
  const detail = `${seen} at the ${door} when the way was last looked for${when}; ${rung} works`;
  return [
    {
      ok: undefined,
      detail,
      fix: 'Nothing has to be done: the agent goes the other way, and tries this one now and then.',
    },
  ];
}
