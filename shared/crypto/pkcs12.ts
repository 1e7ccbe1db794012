/**
 * PKCS#12 bundles (RFC 7292) of a P-256 key and its chain, for the certificate stores of browsers and operating systems.
 * Made from node-forge's parts, as its own function handles RSA keys only. Key: PBES2, PBKDF2 with HMAC-SHA-256, AES-256;
 * integrity: HMAC-SHA-256. Certificates stand in plain text, as they are public.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type forgeModule from 'node-forge';

type Forge = typeof forgeModule;
type Asn1 = forgeModule.asn1.Asn1;

export interface Pkcs12Order {
  readonly privateKeyPem: string;
  /** Leaf first, then the CAs above it. */
  readonly certificatePems: readonly string[];
  readonly password: string;
  /** Shown by the store as the name of the identity. */
  readonly name: string;
}

/** Under forge's bound of 65,535; the password is random and typed once, so iterations are the lesser defence. */
const iterations = 50_000;
const saltBytes = 16;
const macBytes = 32;
/** RFC 7292 appendix B.3: purpose of the derived key. */
const macPurpose = 3;

export async function makePkcs12({ privateKeyPem, certificatePems, password, name }: Pkcs12Order): Promise<Buffer> {
  if (certificatePems.length === 0) throw new TypeError('a bundle needs a certificate');
  // Loaded at first use: rare, and heavy.
  const { default: forge } = await import('node-forge');
  const { asn1, pki, pkcs12, random, util } = forge;
  const { sequence, oid, octets, explicit, integer, data } = builders(forge);

  const chain = certificatePems.map((pem) => new X509Certificate(pem).raw);
  const keyDer = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' });
  const options = { algorithm: 'aes256', prfAlgorithm: 'sha256', count: iterations, saltSize: saltBytes } as const;
  // PBES2 takes the password as UTF-8, the MAC below as UTF-16 (RFC 7292 appendix B.1).
  const keyInfo = asn1.fromDer(keyDer.toString('latin1'));
  const shrouded = pki.encryptPrivateKeyInfo(keyInfo, util.encodeUtf8(password), options);
  const attributes = bagAttributes(forge, name, createHash('sha1').update(chain[0]!).digest('latin1'));

  const certificateBags = chain.map((der, index) =>
    sequence(
      oid(pki.oids['certBag']!),
      explicit(sequence(oid(pki.oids['x509Certificate']!), explicit(octets(der.toString('latin1'))))),
      ...(index === 0 ? [attributes] : []),
    ),
  );
  const keyBag = sequence(oid(pki.oids['pkcs8ShroudedKeyBag']!), explicit(shrouded), attributes);
  const safe = sequence(data(sequence(...certificateBags)), data(sequence(keyBag)));

  const salt = random.getBytesSync(saltBytes);
  const md = forge.md.sha256.create();
  const macKey = pkcs12.generateKey(password, util.createBuffer(salt), macPurpose, iterations, macBytes, md);
  const hmac = forge.hmac.create();
  hmac.start(forge.md.sha256.create(), macKey);
  hmac.update(asn1.toDer(safe).getBytes());
  const digestInfo = sequence(
    sequence(oid(pki.oids['sha256']!), asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, '')),
    octets(hmac.digest().getBytes()),
  );
  const bundle = sequence(integer(3), data(safe), sequence(digestInfo, octets(salt), integer(iterations)));
  return Buffer.from(asn1.toDer(bundle).getBytes(), 'latin1');
}

function builders({ asn1, pki }: Forge) {
  const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
  const sequence = (...parts: Asn1[]): Asn1 => asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, parts);
  const octets = (bytes: string): Asn1 => asn1.create(UNIVERSAL, asn1.Type.OCTETSTRING, false, bytes);
  const oid = (dotted: string): Asn1 => asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
  const integer = (value: number): Asn1 =>
    asn1.create(UNIVERSAL, asn1.Type.INTEGER, false, asn1.integerToDer(value).getBytes());
  const explicit = (part: Asn1): Asn1 => asn1.create(CONTEXT_SPECIFIC, 0, true, [part]);
  /** PKCS#7 ContentInfo of type data around an encoded part. */
  const data = (part: Asn1): Asn1 => sequence(oid(pki.oids['data']!), explicit(octets(asn1.toDer(part).getBytes())));
  return { sequence, octets, oid, integer, explicit, data };
}

/** The same local key id on key and leaf is what ties them together; the friendly name is what people see. */
function bagAttributes(forge: Forge, name: string, localKeyId: string): Asn1 {
  const { asn1, pki } = forge;
  const { sequence, oid, octets } = builders(forge);
  const set = (part: Asn1): Asn1 => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [part]);
  // toDer writes a BMPString as UTF-16 itself.
  const friendlyName = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BMPSTRING, false, name);
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [
    sequence(oid(pki.oids['friendlyName']!), set(friendlyName)),
    sequence(oid(pki.oids['localKeyId']!), set(octets(localKeyId))),
  ]);
}
