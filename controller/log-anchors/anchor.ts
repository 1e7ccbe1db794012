/** A place outside to which checkpoints go. */
import type { AnchorKind } from '#shared/contracts/admin-log-anchors.ts';
import type { TargetSecrets, TargetSettings } from '../log-streams/target.ts';

export interface AnchorSettings extends TargetSettings {
  /** witness: its public key in the form of notes. */
  readonly witnessKey?: string;
}

export interface AnchorOrder {
  readonly name: string;
  readonly kind: AnchorKind;
  readonly settings: AnchorSettings;
  readonly secrets: TargetSecrets;
  readonly everyMs: number;
  /** When it was added: one that was removed and added again is another. */
  readonly born: number;
  /** The newest checkpoint that stands there. */
  readonly origin: string;
  readonly size: number;
  /** When the next may go. */
  readonly nextAt: number;
}

export interface Published {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  /** As the log signed it. */
  readonly checkpoint: string;
  /** Milliseconds. */
  readonly time: number;
}

/** One connection to a place. */
export interface Anchor {
  /** Resolves when it stands there, with the lines that are to be added to the note, if any. Throws a Trouble. */
  put(published: Published, signal: AbortSignal): Promise<string>;
  close(): void;
}
