/** The file of a proof (C2SP tlog-proof): what is proved, its place, the path up to the root, and the checkpoint. */
import { asText, decodeBase64, refuse } from './signed-note.ts';
import { hashBytes } from './tree-hash.ts';

export interface ProofFile {
  /** Not proved by itself: what it says must be compared with the tree. */
  readonly extra: Buffer | undefined;
  readonly index: number;
  readonly path: readonly Buffer[];
  /** As the log signed it. */
  readonly checkpoint: string;
}

export const proofHeader = 'c2sp.org/tlog-proof@v1';
export const maxFileBytes = 16 * 1024 * 1024;
/** No tree that we count is higher. */
const maxPath = 63;

export function formatProofFile({ extra, index, path, checkpoint }: ProofFile): string {
  const lines = [
    proofHeader,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...path.map((hash) => hash.toString('base64')),
    '',
  ];
  return `${lines.join('\n')}\n${checkpoint}`;
}

/** Throws `proof-refused` for what is no proof file. Nothing is verified yet. */
export function parseProofFile(input: string | Uint8Array): ProofFile {
  const text = asText(input, maxFileBytes, 'proof');
  const gap = text.indexOf('\n\n');
  if (gap < 0) throw refuse('this is no proof: it has no checkpoint');
  const lines = text.slice(0, gap).split('\n');
  if (lines.shift() !== proofHeader) throw refuse(`this is no proof: its first line is not ${proofHeader}`);
  let extra: Buffer | undefined;
  if (lines[0]?.startsWith('extra ') === true) {
    extra = decodeBase64(lines.shift()!.slice('extra '.length));
    if (extra === undefined) throw refuse('what the proof carries cannot be read');
  }
  const [, indexText] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? [];
  const index = Number(indexText ?? Number.NaN);
  if (!Number.isSafeInteger(index)) throw refuse('the proof does not say which leaf it is about');
  if (lines.length > maxPath) throw refuse('the path of the proof is too long');
  const path = lines.map((line) => {
    const hash = decodeBase64(line);
    if (hash?.length !== hashBytes) throw refuse('a line of the path of the proof is no hash');
    return hash;
  });
  return { extra, index, path, checkpoint: text.slice(gap + 2) };
}
