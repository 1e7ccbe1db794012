/**
 * What a checkpoint that the controller shows is to the one that is kept (P35). Pure. In order: declared logs are followed from key to
 * key, the signature must be of the key that this leads to, and the tree must go on from the kept one.
 */
import { asPosternError } from '#shared/base/errors.ts';
import type { CheckpointShown } from '#shared/contracts/gateway-to-controller.ts';
import { isConsistent } from '#shared/log/check-tree.ts';
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { type OpenedLog, openOpenedLog } from '#shared/log/opened-log.ts';
import { type Kept, pinKey } from './kept-file.ts';

/** Why a controller is not to be believed. */
export type Contradiction =
  | 'signature' // not by the key of the log that is known here
  | 'smaller' // fewer leaves than the kept one
  | 'forked'; // another tree

export type ShownVerdict =
  /** There is nothing to say: no checkpoint, or the kept one again. */
  | { readonly t: 'same' }
  | { readonly t: 'take'; readonly kept: Kept }
  | { readonly t: 'contradicts'; readonly why: Contradiction; readonly text: string };

export interface FollowedLogs {
  /** With the key of the newest log that was declared. */
  readonly kept: Kept;
  /** Those that are new, in their order. */
  readonly declared: readonly OpenedLog[];
}

/**
 * So many logs are followed by their declarations alone. Nobody opens more by accident: another one is an alarm, until an operator of the
 * gateway says what to trust.
 */
const mostFormer = 64;

/** Follows declarations from the pinned key on. One that does not hold leads nowhere: what is shown then has the wrong key. */
export function followOpened(kept: Kept, notes: readonly string[]): FollowedLogs {
  let now = kept;
  const declared: OpenedLog[] = [];
  for (const note of notes) {
    const opened = openedFrom(now.key, note);
    if (opened === undefined || now.former.length >= mostFormer) continue;
    now = pinKey(now, opened.key);
    declared.push(opened);
  }
  return { kept: now, declared };
}

function openedFrom(pinned: string, note: string): OpenedLog | undefined {
  try {
    return openOpenedLog(note, [parseNoteKey(pinned)]);
  } catch {
    return undefined;
  }
}

export function judgeShown(kept: Kept, { checkpoint, path }: CheckpointShown): ShownVerdict {
  if (checkpoint === undefined) return { t: 'same' };
  const keys = { log: [parseNoteKey(kept.key)] };
  let shown: OpenedCheckpoint;
  try {
    shown = openCheckpoint(checkpoint, keys);
  } catch (error) {
    return { t: 'contradicts', why: 'signature', text: asPosternError(error).message };
  }
  const { size, root } = shown;
  if (kept.checkpoint === undefined) return { t: 'take', kept: { ...kept, checkpoint } };
  const good = openCheckpoint(kept.checkpoint, keys);
  if (size < good.size) {
    return { t: 'contradicts', why: 'smaller', text: `it has ${size} leaves, and had ${good.size}` };
  }
  const proof = path.map((hash) => Buffer.from(hash, 'base64'));
  if (!isConsistent(good, { size, root }, proof)) {
    const text = `nothing shows that the tree of ${size} leaves goes on from that of ${good.size}`;
    return { t: 'contradicts', why: 'forked', text };
  }
  return size === good.size ? { t: 'same' } : { t: 'take', kept: { ...kept, checkpoint } };
}
