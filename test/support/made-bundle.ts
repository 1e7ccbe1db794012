/** A bundle of evidence of all records of a log, without reports, as `posternctl report bundle` seals one. */
import type { RecordProof } from '#shared/contracts/admin-proofs.ts';
import { checkpointName, digestOf, growthName, manifestName, recordsName, sealName } from '#shared/log/check-bundle.ts';
import { shownToExtra } from '#shared/log/check-proof.ts';
import { parseCheckpointText } from '#shared/log/checkpoint.ts';
import { formatGrowth } from '#shared/log/growth-file.ts';
import { formatProofFile } from '#shared/log/proof-file.ts';
import { parseNote } from '#shared/log/signed-note.ts';
import { BundleWriter } from '../../controller/ctl/bundle-writer.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { type ProveParts, proveGrowth, proveRecord } from '../../controller/log/prove-record.ts';
import { readEvidence } from '../../controller/log/read-evidence.ts';

const period = { from: 0, to: Number.MAX_SAFE_INTEGER };
const fromTexts = (texts: readonly string[]) => texts.map((text) => Buffer.from(text, 'base64'));
const sizeOf = (checkpoint: string) => parseCheckpointText(parseNote(checkpoint).text).size;

/** `sealedBy`: the log that has the manifest on record, when it is not the one of the records. Nothing is checked. */
export async function makeBundle(out: string, log: ProveParts, sealedBy: ProveParts = log): Promise<RecordProof> {
  const bundle = new BundleWriter(out);
  const file = bundle.open(recordsName);
  let checkpoint = '';
  let records = 0;
  for await (const line of readEvidence(log, period)) {
    if (line.t === 'checkpoint') checkpoint = line.checkpoint;
    else if (line.t === 'end') records = line.records;
    else file.add(`${JSON.stringify({ ...line, t: undefined })}\n`);
  }
  file.end();
  bundle.write(checkpointName, checkpoint);
  bundle.write('policies/1.json', '{}\n');
  const manifest = JSON.stringify({ postern: 'evidence@2', ...period, records, files: bundle.files });
  bundle.write(manifestName, manifest);
  const id = 'rec_seal0000000000000000';
  const details = { manifest: digestOf(Buffer.from(manifest)), ...period };
  await appendRecord(sealedBy.db, 2_000_000, { id, kind: 'log', event: 'bundle-sealed', actor: 'audrey', details });
  const proof = await proveRecord(sealedBy, id);
  const shown = proof.disclosures.filter(({ name }) => name === 'details').map(({ text }) => text);
  const extra = shownToExtra({ leaf: proof.leaf, disclosures: shown });
  const { index, path } = proof;
  bundle.write(sealName, formatProofFile({ extra, index, path: fromTexts(path), checkpoint: proof.checkpoint }));
  const from = sizeOf(checkpoint);
  const growth = await proveGrowth(sealedBy, from, sizeOf(proof.checkpoint));
  bundle.write(growthName, formatGrowth({ from, path: fromTexts(growth.path), checkpoint: proof.checkpoint }));
  bundle.finish(() => {});
  return proof;
}
