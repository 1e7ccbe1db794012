/** Certificates that nobody may be admitted by, each bad in one way, with the keys to prove them. */
import type { KeyObject } from 'node:crypto';
import { day, minute } from '#shared/base/clock.ts';
import { type Issuer, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { toPem } from '#shared/crypto/pem.ts';
import type { Role } from '#shared/crypto/spiffe.ts';
import { type ForgedLeaf, forgeLeaf, x509 } from '../crypto/support/forge-leaf.ts';

export interface ProvenLeaf {
  readonly key: KeyObject;
  readonly certificate: string;
  readonly chain: readonly string[];
}

export interface BadLeaf {
  readonly what: string;
  /** What the record or the log of who is shown it says. */
  readonly reason: string;
  /** OpenSSL's own word, where that is what refused it. */
  readonly detail?: string;
  /** Undefined: none is shown. */
  readonly leaf: ProvenLeaf | undefined;
}

export interface LeafPlace {
  readonly issuer: Issuer;
  readonly trustDomain: string;
  /** Who would be admitted. */
  readonly role: Role;
  readonly id: string;
}

/** How long a certificate lives that a test waits out: long enough to be used first on a machine that has much to do. */
export const briefMs = 4000;

/** A good leaf but for what `forged` says, under the issuer of the place or another. */
export async function forgedLeaf(
  { issuer, trustDomain, role, id }: LeafPlace,
  forged: ForgedLeaf = {},
  under: Issuer = issuer,
): Promise<ProvenLeaf> {
  const keys = generateKeyPair();
  const order = { uris: [`spiffe://${trustDomain}/${role}/${id}`], publicKey: keys.publicKey, ...forged };
  const der = await forgeLeaf(under, Date.now(), order);
  return { key: keys.privateKey, certificate: toPem('CERTIFICATE', der), chain: [under.certificate] };
}

/** The table of Must show: every way in which a certificate is refused in the handshake, or right after it. */
export async function badLeaves(place: LeafPlace): Promise<BadLeaf[]> {
  const { issuer, trustDomain, role, id } = place;
  const now = Date.now();
  const own = `spiffe://${trustDomain}/${role}/${id}`;
  const forge = (forged: ForgedLeaf, under?: Issuer) => forgedLeaf(place, forged, under);
  const foreign = await makeIssuingCa({ root: await makeRootCa({ trustDomain, now }), trustDomain, now });
  const evil = await makeRootCa({ trustDomain: 'evil.test', now });
  const device = await forge({});
  const deviceAsIssuer = { certificate: device.certificate, privateKey: device.key };
  const others = (['controller', 'gateway', 'device'] as const).filter((other) => other !== role);
  const noEnd = new x509.BasicConstraintsExtension(true, undefined, true);
  return [
    { what: 'no certificate', reason: 'no-certificate', leaf: undefined },
    { what: 'a foreign CA of the same names', reason: 'untrusted', leaf: await forge({}, foreign) },
    { what: 'a foreign CA of another domain', reason: 'untrusted', leaf: await forge({}, evil) },
    {
      what: 'an expired certificate',
      reason: 'expired',
      leaf: await forge({ notBefore: now - 2 * day, notAfter: now - minute }),
    },
    {
      what: 'one that is not valid yet',
      reason: 'not-yet-valid',
      leaf: await forge({ notBefore: now + minute, notAfter: now + day }),
    },
    { what: 'two URI names', reason: 'uri-count', leaf: await forge({ uris: [own, `${own}0`] }) },
    {
      what: 'no URI name',
      reason: 'uri-count',
      leaf: await forge({ uris: [], names: [{ type: 'dns', value: 'a.test' }] }),
    },
    {
      // Already the CA's own name constraints forbid it; Node has no word for that. Without them it would be `trust-domain`.
      what: 'a wrong trust domain',
      reason: 'untrusted',
      detail: 'UNSPECIFIED',
      leaf: await forge({ uris: [`spiffe://evil.test/${role}/${id}`] }),
    },
    ...(await Promise.all(
      others.map(async (other) => ({
        what: `a ${other} where a ${role} is wanted`,
        reason: 'role',
        leaf: await forge({ uris: [`spiffe://${trustDomain}/${other}/${id}`] }),
      })),
    )),
    {
      what: 'the CA itself as a leaf',
      reason: 'untrusted',
      detail: 'INVALID_PURPOSE',
      leaf: { key: issuer.privateKey, certificate: issuer.certificate, chain: [] },
    },
    { what: 'a leaf that says it is a CA', reason: 'is-ca', leaf: await forge({ basicConstraints: noEnd }) },
    { what: 'a leaf signed by a leaf', reason: 'untrusted', leaf: await forge({}, deviceAsIssuer) },
  ];
}
