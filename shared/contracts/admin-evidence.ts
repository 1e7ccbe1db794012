/** The admin API: what an evidence bundle is made of. */
import { type Static, Type } from 'typebox';
import { recordProof } from './admin-proofs.ts';
import { slug, strict, time } from './common.ts';
import { defineContract } from './route.ts';

const { index, leaf, path } = recordProof.properties;

/** The checkpoint first, then each record with its path to the root of that checkpoint; `end` says that it is whole. */
export const evidenceLine = Type.Union([
  strict({ t: Type.Literal('checkpoint'), checkpoint: Type.String() }),
  strict({ t: Type.Literal('record'), index, leaf, disclosures: Type.Array(Type.String()), path }),
  strict({ t: Type.Literal('end'), records: Type.Integer({ minimum: 0 }) }),
]);
export type EvidenceLine = Static<typeof evidenceLine>;

export const adminEvidence = defineContract({
  evidence: {
    method: 'GET',
    path: '/v1/admin/evidence',
    summary: 'Records of a period as they were hashed, each with its proof, as NDJSON',
    access: 'reader',
    /** `review`: those of one access review alone. */
    query: strict({ from: time, to: time, review: Type.Optional(slug) }),
    stream: 'ndjson',
  },
  sealEvidence: {
    method: 'POST',
    path: '/v1/admin/evidence/seal',
    summary: 'Put the SHA-256 of the manifest of a bundle on record, and prove that record',
    access: 'reader',
    body: strict({ manifest: Type.String({ pattern: '^[0-9a-f]{64}$' }), from: time, to: time }),
    answer: recordProof,
  },
});
