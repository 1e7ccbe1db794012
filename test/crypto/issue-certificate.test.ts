import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import t from 'tap';
import { checkLeaf } from '#shared/crypto/check-leaf.ts';
import { issueLeaf, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, privateKeyToPem } from '#shared/crypto/keys.ts';
import { makeCa, noOpenssl, openssl, trustDomain } from './support/make-ca.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Math.floor(Date.now() / 1000) * 1000 + 123;
const ca = await makeCa(now);

t.test('a leaf says what was ordered', async (t) => {
  const keys = generateKeyPair();
  const spiffeId = 'spiffe://postern.test/gateway/gw-1';
  const names = { dnsNames: ['gw.postern.test'], ipAddresses: ['127.0.0.1', '::1'] };
  const leaf = await issueLeaf({ issuer: ca.issuer, publicKey: keys.publicKey, spiffeId, now, ...names });
  const read = new X509Certificate(leaf.pem);
  t.equal(leaf.notBefore, now - 123 - day, 'of a server: for clocks of devices that are behind');
  const device = { issuer: ca.issuer, publicKey: keys.publicKey, spiffeId: 'spiffe://postern.test/device/d', now };
  t.equal((await issueLeaf(device)).notBefore, now - 123 - 60_000, 'of a device: by a minute');
  t.equal(leaf.notAfter, now - 123 + day, 'a day');
  t.equal(read.validToDate.getTime(), leaf.notAfter);
  t.equal(read.serialNumber.toLowerCase(), leaf.serial);
  t.match(leaf.serial, /^[4-7][0-9a-f]{31}$/);
  t.equal(
    read.subjectAltName,
    'URI:spiffe://postern.test/gateway/gw-1, DNS:gw.postern.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  const verdict = checkLeaf(read, { trustDomain, roles: ['gateway'], now, id: 'gw-1' });
  t.ok(verdict.ok && verdict.publicKey.equals(keys.publicKey));
  t.match(verdict, { spiffeId, serial: leaf.serial, notBefore: leaf.notBefore, notAfter: leaf.notAfter });
});

t.test('nothing outlives what signed it, and nothing is issued under what has ended', async (t) => {
  const issuer = await makeIssuingCa({ root: ca.root, trustDomain, now, days: 1 });
  const order = { issuer, publicKey: generateKeyPair().publicKey, spiffeId: 'spiffe://postern.test/device/a' };
  const late = await issueLeaf({ ...order, now: now + 20 * hour });
  t.equal(late.notAfter, issuer.notAfter);
  await t.rejects(issueLeaf({ ...order, now: now + 25 * hour }), { code: 'internal' });
  const short = await makeRootCa({ trustDomain, now, days: 30 });
  t.equal((await makeIssuingCa({ root: short, trustDomain, now })).notAfter, short.notAfter);
});

t.test('names are checked before they are signed', async (t) => {
  const order = { issuer: ca.issuer, publicKey: generateKeyPair().publicKey, now };
  await t.rejects(issueLeaf({ ...order, spiffeId: 'spiffe://postern.test/admin/a' }), TypeError);
  await t.rejects(makeRootCa({ trustDomain: 'Upper.test', now }), TypeError);
});

t.test('OpenSSL accepts the chain and enforces its limits', noOpenssl || {}, async (t) => {
  const { leaf, keys } = await ca.newLeaf('spiffe://postern.test/device/abc');
  const files = { 'root.pem': ca.root.certificate, 'ca.pem': ca.issuer.certificate, 'leaf.pem': leaf.pem };
  const verify = (purpose: string, target: string, more: Record<string, string> = {}) =>
    openssl(['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'root.pem', '-untrusted', 'ca.pem', target], {
      ...files,
      ...more,
    });
  t.match(verify('sslclient', 'leaf.pem'), { status: 0, output: 'leaf.pem: OK' });
  t.match(verify('sslserver', 'leaf.pem'), { status: 0, output: 'leaf.pem: OK' });
  t.not(verify('sslclient', 'ca.pem').status, 0, 'a CA authenticates nobody');

  const foreign = await issueLeaf({
    issuer: ca.issuer,
    publicKey: keys.publicKey,
    spiffeId: 'spiffe://evil.test/device/abc',
    now,
  });
  t.match(verify('sslclient', 'x.pem', { 'x.pem': foreign.pem }).output, /permitted subtree violation/);

  const third = await makeIssuingCa({ root: ca.issuer, trustDomain, now });
  const deep = await issueLeaf({
    issuer: third,
    publicKey: keys.publicKey,
    spiffeId: 'spiffe://postern.test/device/abc',
    now,
  });
  const chain = `${ca.issuer.certificate}${third.certificate}`;
  t.match(
    verify('sslclient', 'x.pem', { 'x.pem': deep.pem, 'ca.pem': chain }).output,
    /path length constraint exceeded/,
  );
});

t.test('TLS 1.3 with certificates at both ends', async (t) => {
  const controller = await ca.newLeaf('spiffe://postern.test/controller/c1', { ipAddresses: ['127.0.0.1'] });
  const device = await ca.newLeaf('spiffe://postern.test/device/d1');
  const material = ({ leaf, keys }: typeof device) => ({
    cert: leaf.pem + ca.issuer.certificate,
    key: privateKeyToPem(keys.privateKey),
    ca: ca.root.certificate,
    minVersion: 'TLSv1.3' as const,
  });
  const server = createServer({ ...material(controller), requestCert: true, rejectUnauthorized: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const client = connect({ ...material(device), host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  await once(client, 'secureConnect');
  const [peer] = await accepted;
  t.ok(client.authorized && peer.authorized);
  const seen = checkLeaf(peer.getPeerX509Certificate()!, { trustDomain, roles: ['device'], now });
  t.match(seen, { ok: true, id: 'd1', serial: device.leaf.serial });
  const dialled = checkLeaf(client.getPeerX509Certificate()!, { trustDomain, roles: ['controller'], now });
  t.match(dialled, { ok: true, id: 'c1' });
  client.destroy();
  peer.destroy();
});
