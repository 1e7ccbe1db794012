/** Legs that only the rungs of the agent's own way can tell of: the system's proxy, and a knock by UDP. */
import type { Evidence } from './evidence.ts';
import { isReached } from './evidence.ts';
import type { Finding } from './legs.ts';
import { failuresOf, listed } from './seen-words.ts';

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

export function judgeUdp({ addresses }: Evidence): Finding[] {
  const at = { leg: 'udp', name: 'knock by UDP' } as const;
  const failed = addresses.flatMap((seen) => failuresOf(seen).filter(({ leg }) => leg === 'knock'));
  if (failed.length === 0) return [];
  const rungs = listed(failed.map(({ rung }) => rung));
  if (addresses.some(isReached))
    return [{ ...at, ok: undefined, detail: `no port opened after it (${rungs}); another way works` }];
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
