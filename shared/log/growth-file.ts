/**
 * That one log grew into another: the size of the former, the consistency proof, and the checkpoint of the latter, as witnesses are told of it
 * (C2SP tlog-witness, `add-checkpoint`): `old <size>`, the proof line by line in base64, an empty line, the checkpoint.
 */
import { asText, decodeBase64, refuse } from './signed-note.ts';
import { hashBytes } from './tree-hash.ts';

export interface GrowthFile {
  readonly from: number;
  readonly path: readonly Buffer[];
  /** As the log signed it. */
  readonly checkpoint: string;
}

const maxFileBytes = 512 * 1024;
/** No tree that we count is higher. */
const maxPath = 63;

export const formatGrowth = ({ from, path, checkpoint }: GrowthFile): string =>
  `${[`old ${from}`, ...path.map((hash) => hash.toString('base64')), ''].join('\n')}\n${checkpoint}`;

/** Throws `proof-refused` for another form. Nothing is verified yet. */
export function parseGrowth(input: string | Uint8Array): GrowthFile {
  const text = asText(input, maxFileBytes, 'proof');
  const gap = text.indexOf('\n\n');
  if (gap < 0) throw refuse('the proof has no checkpoint');
  const [first = '', ...lines] = text.slice(0, gap).split('\n');
  const from = Number(/^old (0|[1-9]\d{0,15})$/.exec(first)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(from)) throw refuse('the proof does not say from which size on it is');
  if (lines.length > maxPath) throw refuse('the path of the proof is too long');
  const path = lines.map((line) => {
    const hash = decodeBase64(line);
    if (hash?.length !== hashBytes) throw refuse('a line of the path of the proof is no hash');
    return hash;
  });
  return { from, path, checkpoint: text.slice(gap + 2) };
}
