/** What several edges say of the log as a tree. */
import { Type } from 'typebox';

/** One hash, base64. */
export const treeHash = Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' });
/** Inclusion or consistency; no tree that we count is higher. */
export const treePath = Type.Array(treeHash, { maxItems: 63 });
/** A signed note: a checkpoint, or the note that declares another log. */
export const signedNote = Type.String({ maxLength: 16_384 });
/** Why a log signs nothing (P35). */
export const heldReasons = ['restored', 'behind', 'contradicted'] as const;
export type HeldReason = (typeof heldReasons)[number];
