/**
 * Reads an untrusted posture report. Order: size, form and class, key, signature, shape, repetitions. The key is the one
 * of the TLS handshake, so that a report can come only from the device that it tells of.
 */
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import {
  checkName,
  maxReportBytes,
  type PostureReport,
  postureReport,
  postureReportType,
} from '#shared/contracts/posture.ts';
import { readJws, verifyJws } from '#shared/crypto/jws.ts';
import type { Peer } from '#shared/wire/admit-peer.ts';

/** Throws `token-malformed`, `token-type` or `bad-request`. */
export function readReport(text: string, peer: Pick<Peer, 'publicKey' | 'jkt'>): PostureReport {
  const parsed = readJws(text, { maxBytes: maxReportBytes, typ: postureReportType });
  if (parsed.header.kid !== peer.jkt) throw refused('names another key than that of its connection');
  if (!verifyJws(parsed, peer.publicKey)) throw refused('is not signed by the key of its connection');
  const { payload } = parsed;
  if (!Value.Check(postureReport, payload)) throw refused('has another shape, or facts that are not known');
  const names = [...payload.facts.map(({ fact }) => fact), ...payload.checks.map(({ id }) => checkName(id))];
  // The later of two values would win, or the earlier: nobody could say which was meant.
  if (new Set(names).size !== names.length) throw refused('has a fact twice');
  for (const { value, status } of payload.facts)
    if ((value === null) !== (status === 'unknown')) throw refused('has a value that does not fit its status');
  return payload;
}

function refused(why: string): PosternError {
  return new PosternError('bad-request', `a posture report ${why}`);
}
