/** What a stream of the log goes to, and what a delivery can come to. */
import type { AccessRecord } from '#shared/contracts/record.ts';

/** What an admin set. Which members a kind has: `read-settings.ts`. */
export interface TargetSettings {
  /** syslog: `host:port`. */
  readonly address?: string;
  /** otlp, splunk, elasticsearch: of the receiver, without its query; paths that each API has are added. */
  readonly url?: string;
  /** No TLS. */
  readonly plain?: boolean;
  /** PEM: whose certificates are believed; those of the system unless told. */
  readonly ca?: string;
  /** PEM of the client certificate and what leads to its root; its key is a secret. */
  readonly certificate?: string;
  /** The name that the certificate must have, where it is not the host's. */
  readonly serverName?: string;
  /** elasticsearch: index or data stream; splunk: index. */
  readonly index?: string;
  /** file: bytes at which another is begun, and how many full ones are kept (0: all). */
  readonly maxBytes?: number;
  readonly keep?: number;
}

/** Sealed at rest, never shown. */
export interface TargetSecrets {
  /** splunk: the HEC token. */
  readonly token?: string;
  /** otlp, elasticsearch: the value of the header `Authorization`. */
  readonly authorization?: string;
  /** PEM of the key of `certificate`. */
  readonly key?: string;
  /** What stands behind the `?` of the url: where receivers that know no header have their keys. */
  readonly query?: string;
}

/** What came of a batch: the first `settled` of its records need no more. */
export interface Outcome {
  readonly settled: number;
  /** Of those, what the target refused for good, by place in the batch. */
  readonly refused?: readonly { readonly index: number; readonly why: string }[];
  /** It refused so many of them and does not say which (OTLP). */
  readonly unnamed?: { readonly count: number; readonly why: string };
  /** The rest: again later. */
  readonly rest?: Trouble;
}

/** One connection to a target. `send` throws a Trouble when nothing of a batch is known to be settled. */
export interface Sender {
  send(records: readonly AccessRecord[], signal: AbortSignal): Promise<Outcome>;
  /**
   * For targets that do not answer: everything sent since the last time has arrived when it resolves. A throw says that it may not
   * have. Without it what `send` settled has arrived.
   */
  confirm?(signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface TroubleOptions {
  /** The target will take this content at no time; else it is tried again for ever. */
  readonly content?: boolean;
  /** As the target asked. */
  readonly afterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Why a delivery did not come about. The message is for admins: a status or a system's word, and at most a line of what the target said. */
export class Trouble extends Error {
  readonly content: boolean;
  readonly afterMs: number | undefined;

  constructor(message: string, { content = false, afterMs, cause }: TroubleOptions = {}) {
    super(message, { cause });
    this.content = content;
    this.afterMs = afterMs;
  }
}
