/** `posternctl log key|verify|prove|check-proof|snapshot|known|resume|new`: the log as whoever does not trust its keeper sees it. */
import type { CliCommand } from '#shared/base/cli.ts';
import { checkProofCommand } from './proofs/check-proof.ts';
import { logKey } from './proofs/log-key.ts';
import { prove } from './proofs/prove.ts';
import { known, newLog, resume } from './proofs/reopen.ts';
import { snapshot } from './proofs/snapshot.ts';
import { verifier } from './proofs/verifier.ts';
import { verify } from './proofs/verify.ts';

export const proofCommands: Readonly<Record<string, CliCommand>> = {
  'log key': logKey,
  'log verify': verify,
  'log prove': prove,
  'log check-proof': checkProofCommand,
  'log verifier': verifier,
  'log snapshot': snapshot,
  'log known': known,
  'log resume': resume,
  'log new': newLog,
};
