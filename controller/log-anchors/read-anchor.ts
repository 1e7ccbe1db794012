/** What an owner asks for, held against what its kind of place knows. */

import { minute, second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { AnchorKind, NewLogAnchor } from '#shared/contracts/admin-log-anchors.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import {
  checkGiven,
  checkTarget,
  type TargetRule,
  tlsSettings,
  withoutQuery,
  wrong,
} from '../log-streams/read-settings.ts';
import type { TargetSecrets } from '../log-streams/target.ts';
import type { AnchorSettings } from './anchor.ts';

const kinds: Readonly<Record<AnchorKind, TargetRule & { readonly everyMs: number }>> = {
  file: { needs: [], knows: [], everyMs: minute },
  syslog: { needs: ['address'], knows: tlsSettings, everyMs: 15 * minute },
  url: { needs: ['url'], knows: ['authorization', ...tlsSettings], everyMs: 15 * minute },
  witness: { needs: ['url', 'witnessKey'], knows: ['authorization', ...tlsSettings], everyMs: minute },
};

export interface ReadAnchor {
  readonly everyMs: number;
  readonly settings: AnchorSettings;
  readonly secrets: TargetSecrets;
}

/** Throws `bad-request`, which says what would be right. */
export function readAnchor(body: NewLogAnchor): ReadAnchor {
  const { name: _, kind, everySeconds, authorization, key, ...settings } = body;
  const { everyMs, ...rule } = kinds[kind];
  checkGiven(kind, rule, { ...settings, authorization, key });
  checkTarget(settings, key);
  if (settings.witnessKey !== undefined) checkWitnessKey(settings.witnessKey);
  return {
    everyMs: everySeconds === undefined ? everyMs : everySeconds * second,
    ...withoutQuery(settings, { token: undefined, authorization, key }),
  };
}

function checkWitnessKey(text: string): void {
  try {
    if (parseNoteKey(text).kind === 'cosignature') return;
  } catch (error) {
    throw wrong(`the key of the witness cannot be used: ${asPosternError(error).message}`);
  }
  throw wrong('that is the key of a log, not of a witness: one for cosignatures (C2SP tlog-cosignature) is needed');
}
