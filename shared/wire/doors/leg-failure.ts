/**
 * Which leg of the way to a server failed, and how: what `postern doctor`, `postern why` and the log are told. The ladder
 * (`ladder.ts`) throws one `NotReached` that carries a `LegFailure` for each rung that it tried, in that order; `legFailuresOf`
 * finds them behind whatever an error was wrapped in. Nothing was said to the server's own protocol when one is thrown: each call
 * may be sent again. A leg that was still open when another rung won, or when the caller's time was up, has the `how` of `outrun`
 * or `timeout`.
 *
 * What one leg can tell, and what it cannot:
 *   name         the host has no address: `how` is the resolver's code (`ENOTFOUND`, `EAI_AGAIN`), or `timeout`
 *   network      this machine has no way there: `ENETUNREACH`, `EHOSTUNREACH`, `ENETDOWN`, `EADDRNOTAVAIL`
 *   knock        after a knock by UDP the TCP port did not answer: `timeout`. UDP is blocked on the way, or knock and connection
 *                leave by different addresses (carrier NAT), or the server is down: from here these look the same. When a later
 *                rung of the same climb reached the server, it is not down. `EPERM`: a firewall of this machine holds UDP back.
 *   connect      TCP without a knock by UDP before it: `ECONNREFUSED` (the host is there, nothing listens), or `timeout`
 *   proxy        the system's HTTP proxy: `timeout`, `ECONNREFUSED`, its name's code, or `status-<n>` of its answer to CONNECT
 *   silence      connected, and ended without a byte: the door refused the knock (key, clock), or took the connection for none
 *   tls          TLS came to no end: `timeout` (connected, and nothing was said: a captive portal, a filter) or OpenSSL's code
 *   certificate  the server is not the one that it should be: the reason of `checkLeaf`, or OpenSSL's code
 */
import { PosternError } from '../../base/errors.ts';

export type Leg = 'name' | 'network' | 'knock' | 'connect' | 'proxy' | 'silence' | 'tls' | 'certificate';

export interface LegFailure {
  /** The rung's name (`rungName`): `direct`, `udp 62201`, `udp 62201 + prelude`, `prelude`, `prelude at 443 by proxy` and so on. */
  readonly rung: string;
  readonly leg: Leg;
  readonly how: string;
  /** A sentence for the log and for people. */
  readonly detail: string;
  /** Milliseconds from the begin of the rung. */
  readonly afterMs: number;
}

/** No rung of the ladder led there. */
export class NotReached extends Error {
  readonly code = 'NOT_REACHED';
  /** `controller`, `controller, first contact` or `gateway <id>`. */
  readonly door: string;
  readonly failures: readonly LegFailure[];

  constructor(door: string, failures: readonly LegFailure[], options?: ErrorOptions) {
    super(`${door} was not reached: ${failures.map(({ rung, detail }) => `${rung}: ${detail}`).join('; ')}`, options);
    this.name = 'NotReached';
    this.door = door;
    this.failures = failures;
  }
}

/** Empty when the error is not about the way there. */
export function legFailuresOf(error: unknown): readonly LegFailure[] {
  return notReachedIn(error)?.failures ?? [];
}

export function notReachedIn(error: unknown): NotReached | undefined {
  // An error of ours names at most the one it wraps, which may wrap another.
  for (let depth = 0, one = error; depth < 5 && one instanceof Error; depth += 1, one = one.cause) {
    if (one instanceof NotReached) return one;
  }
  return undefined;
}

/** What went wrong on one leg; the ladder makes a `LegFailure` of it. */
export class LegError extends Error {
  readonly leg: Leg;
  readonly how: string;

  constructor(leg: Leg, how: string, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'LegError';
    this.leg = leg;
    this.how = how;
  }
}

const noWay = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EHOSTDOWN', 'EADDRNOTAVAIL']);
/** From this machine no way leads to that address. */
export const isNoWay = (error: unknown): boolean =>
  error instanceof LegError ? error.leg === 'network' : noWay.has((error as NodeJS.ErrnoException | null)?.code ?? '');

const ended = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * OpenSSL's codes for a server certificate that is not good, as Node names them: `UNSPECIFIED` is every one that Node has no
 * name for, such as a trust domain that our CA may not write.
 */
export const certificateCode =
  /^(CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_|UNSPECIFIED$)/;

/** An error of TCP or of TLS, on the leg that it belongs to. `isConnected`: it came after TCP. */
export function asLegError(error: unknown, isConnected: boolean): LegError {
  if (error instanceof LegError) return error;
  const { message, code, cause } = (error instanceof Error ? error : new Error(String(error))) as Error & {
    readonly code?: string;
  };
  const refused = [error, cause].find((one) => one instanceof PosternError);
  if (refused?.code === 'peer-refused') {
    return new LegError('certificate', String(refused.extra?.['reason'] ?? 'refused'), refused.message, {
      cause: error,
    });
  }
  const how = code ?? 'failed';
  if (certificateCode.test(how)) return new LegError('certificate', how, message, { cause: error });
  if (isConnected) {
    return ended.has(how)
      ? new LegError('silence', 'closed', 'the connection was ended without a byte', { cause: error })
      : new LegError('tls', how, message || how, { cause: error });
  }
  const detail = message || how;
  return new LegError(noWay.has(how) ? 'network' : 'connect', how, detail, { cause: error });
}
