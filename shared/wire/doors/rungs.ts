/** The ladder's rungs in their order: by UDP, by the prelude alone, by the HTTP proxy of the system. Pure. */
import { type FrontDoor, hasKernelDoor, hasPrelude } from '../../contracts/knock.ts';
import type { LegFailure } from './leg-failure.ts';

export interface Rung {
  /** The UDP port that is knocked at before TCP. */
  readonly udp?: number;
  readonly prelude: boolean;
  /** Another TCP port than the address names. */
  readonly tcp?: number;
  readonly proxy: boolean;
}

export interface RungOptions {
  /** There is a key to knock with. */
  readonly canKnock: boolean;
  readonly hasProxy: boolean;
  /** Its operator may have put a door up, or taken it away, since it was told: every other way is tried last. */
  readonly mayGuess: boolean;
  /** Where a kernel door takes knocks that nobody was told of. */
  readonly usualUdp: readonly number[];
}

const direct: Rung = { prelude: false, proxy: false };
const preludeAlone: Rung = { prelude: true, proxy: false };
const byProxy = (rung: Rung): Rung => ({ ...rung, proxy: true });

export function rungsOf({ door, ports, preludePort }: FrontDoor, options: RungOptions): Rung[] {
  const { canKnock, hasProxy, mayGuess, usualUdp } = options;
  const udp = ports ?? usualUdp;
  const prelude = hasPrelude(door);
  const open = preludePort === undefined ? [] : [{ ...preludeAlone, tcp: preludePort }];
  const told: Rung[] = hasKernelDoor(door)
    ? [...udp.map((at) => ({ udp: at, prelude, proxy: false })), ...open]
    : [prelude ? preludeAlone : direct, ...open];
  // A proxy's address has not knocked by UDP: through it only what asks for none.
  const proxied = hasProxy ? told.filter((rung) => rung.udp === undefined).map(byProxy) : [];
  // With everything on one port, which many proxies want: that is the one to try first.
  if (open.length > 0) proxied.reverse();
  const guesses: Rung[] = mayGuess
    ? [
        preludeAlone,
        ...udp.map((at) => ({ udp: at, prelude: true, proxy: false })),
        ...udp.map((at) => ({ udp: at, prelude: false, proxy: false })),
        direct,
        ...(hasProxy ? [byProxy(preludeAlone), byProxy(direct)] : []),
      ]
    : [];
  const seen = new Set<string>();
  return [...told, ...proxied, ...guesses].filter((rung) => {
    const name = rungName(rung);
    if (seen.has(name) || (!canKnock && (rung.prelude || rung.udp !== undefined))) return false;
    seen.add(name);
    return true;
  });
}

export function rungName({ udp, prelude, tcp, proxy }: Rung): string {
  const knocks = [...(udp === undefined ? [] : [`udp ${udp}`]), ...(prelude ? ['prelude'] : [])];
  const way = knocks.length === 0 ? 'direct' : knocks.join(' + ');
  return `${way}${tcp === undefined ? '' : ` at ${tcp}`}${proxy ? ' by proxy' : ''}`;
}

/** What failed before has shown already that this rung leads nowhere. */
export function isPointless(
  rung: Rung,
  failed: readonly { readonly rung: Rung; readonly failure: LegFailure }[],
): boolean {
  return failed.some(({ rung: other, failure: { leg, how } }) => {
    if (other.proxy !== rung.proxy) return false;
    if (rung.proxy && leg === 'proxy')
      return !how.startsWith('status-') || how === 'status-407' || how === 'status-401';
    if (leg === 'name' || leg === 'network') return true;
    if (other.tcp !== rung.tcp) return false;
    // The host answered for this port: no knock makes another server of it.
    if (how === 'ECONNREFUSED' || leg === 'certificate') return true;
    // It took a connection without a knock by UDP: there is no kernel door.
    return rung.udp !== undefined && other.udp === undefined && (leg === 'silence' || leg === 'tls');
  });
}
