/**
 * Certificate requests (PKCS#10, RFC 2986): proof that the sender holds a key, and nothing else. Every name and extension
 * a request asks for is ignored; the controller writes names from its own records (P5).
 *
 * Written with our own DER, so that an agent never loads an X.509 library only to renew.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { PosternError } from '../base/errors.ts';
import { type DerNode, readBits, readChildren, readDer, readSequence, tags, writeDer } from './der.ts';
import { type KeyPair, publicKeyFromSpki } from './keys.ts';
import { fromPem, toPem } from './pem.ts';

const label = 'CERTIFICATE REQUEST';
const maxCsrChars = 4096;

/** AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758 section 3.2), parameters absent. */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
const versionZero = Buffer.from('020100', 'hex');
const attributesTag = 0xa0;

/** A request with an empty subject and no attributes, signed by the key it carries. */
export function makeCsr({ privateKey, publicKey }: KeyPair): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = writeDer(tags.sequence, versionZero, writeDer(tags.sequence), spki, writeDer(attributesTag));
  const signature = sign('sha256', info, privateKey);
  const bits = writeDer(tags.bitString, Buffer.of(0), signature);
  return toPem(label, writeDer(tags.sequence, info, ecdsaWithSha256, bits));
}

/**
 * Returns the public key of a request whose own signature is right; throws `csr-refused` otherwise.
 * Order: size, encoding, algorithm, key, signature.
 */
export function readCsr(pem: string): KeyObject {
  if (pem.length > maxCsrChars) throw refused('is too large');
  const der = fromPem(label, pem);
  const parts = der === undefined ? undefined : readSequence(der, 3);
  if (parts?.length !== 3) throw refused('cannot be read');
  const [info, algorithm, signature] = parts as [DerNode, DerNode, DerNode];
  const fields = info.tag === tags.sequence ? readChildren(info, 4) : undefined;
  if (fields?.length !== 4 || !fields[0]!.whole.equals(versionZero) || fields[1]!.tag !== tags.sequence) {
    throw refused('cannot be read');
  }
  if (fields[3]!.tag !== attributesTag) throw refused('cannot be read');
  if (!algorithm.whole.equals(ecdsaWithSha256)) throw refused('is not signed with ECDSA and SHA-256');
  const publicKey = publicKeyFromSpki(fields[2]!.whole);
  if (publicKey === undefined) throw refused('does not carry a P-256 key');
  const bits = readBits(signature);
  if (bits === undefined || bits.unused !== 0 || readDer(bits.bytes, tags.sequence) === undefined) {
    throw refused('has a malformed signature');
  }
  if (!verify('sha256', info.whole, publicKey, bits.bytes)) throw refused('is not signed by its own key');
  return publicKey;
}

function refused(why: string): PosternError {
  return new PosternError('csr-refused', `a certificate request ${why}`);
}
