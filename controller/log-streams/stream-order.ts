/** One stream as it is to run. */
import type { StreamFormat, StreamKind } from '#shared/contracts/admin-log-streams.ts';
import type { TargetSecrets, TargetSettings } from './target.ts';

export interface StreamOrder {
  readonly name: string;
  readonly kind: StreamKind;
  readonly format: StreamFormat;
  readonly settings: TargetSettings;
  readonly secrets: TargetSecrets;
  /** When it was added: one that was removed and added again is another. */
  readonly born: number;
  /** Everything up to here has arrived. */
  readonly position: number;
  /** Nothing behind it: the stream was paused there. */
  readonly until?: number;
}

/** What a stream has to tell, beside its position. */
export interface StreamState {
  readonly name: string;
  /** Absent while all is well. */
  readonly trouble?: { readonly why: string; readonly since: number; readonly tries: number; readonly nextAt: number };
}

/** What happened to records of a stream. Each resolves when it is kept for ever; a throw ends the run. */
export interface StreamKeeper {
  ack(name: string, done: { readonly position: number; readonly records: number }): Promise<void>;
  putAside(name: string, aside: Aside): Promise<void>;
}

export interface Aside {
  /** Everything up to here is settled, by this too. */
  readonly position: number;
  /** Of the record that the target refuses, or of the first and last of those among which it refused some. */
  readonly first: number;
  readonly last: number;
  readonly ids: readonly string[];
  readonly count: number;
  readonly why: string;
  /** Records that had arrived before it in the same batch. */
  readonly arrived: number;
}
