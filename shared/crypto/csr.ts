/**
 * Certificate requests (PKCS#10, RFC 2986): proof that the sender holds a key, and nothing else. Every name and extension
 * a request asks for is ignored; the controller writes names from its own records (P5).
 *
 * Written with our own DER, so that an agent never loads an X.509 library only to renew.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { PosternError } from '../base/errors.ts';
import { type DerNode, readBits, readChildren, readDer, readSequence, tags, writeDer } from './der.ts';
import { isP256, type KeyPair } from './keys.ts';
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
  const publicKey = readPublicKey(fields[2]!.whole);
  if (publicKey === undefined) throw refused('does not carry a P-256 key');
  const bits = readBits(signature);
  if (bits === undefined || bits.unused !== 0 || readDer(bits.bytes, tags.sequence) === undefined) {
    throw refused('has a malformed signature');
  }
  if (!verify('sha256', info.whole, publicKey, bits.bytes)) throw refused('is not signed by its own key');
  return publicKey;
}

/**
 * SubjectPublicKeyInfo of a P-256 key in the one spelling we accept (named curve, uncompressed point); undefined
 * otherwise. OpenSSL would read compressed points and explicit curve parameters too: two spellings of one key would have
 * two fingerprints.
 */
export function readPublicKey(spki: Buffer): KeyObject | undefined {
  if (spki.length !== spkiPrefix.length + 64 || !spki.subarray(0, spkiPrefix.length).equals(spkiPrefix))
    return undefined;
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return isP256(key) ? key : undefined;
  } catch {
    // Not a point of the curve: unreadable, like any other malformed key.
    return undefined;
  }
}

/** RFC 5480: id-ecPublicKey, prime256v1, BIT STRING of 65 bytes that starts with 04. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

function refused(why: string): PosternError {
  return new PosternError('csr-refused', `a certificate request ${why}`);
}
