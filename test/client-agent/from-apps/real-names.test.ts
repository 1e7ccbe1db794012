/** P29 and P30 at real names: TLS by the issuer of this device, the same admission as at `<app>.localhost`, nobody else's name. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import t from 'tap';
import { askUdp, question } from '../../support/dns-client.ts';
import { pay, wiki } from '../../support/fake-agent-core.ts';
import { needsLowPorts } from '../../support/low-ports.ts';
import { type Answer, cookieOf, type LocalRig, localRig, navigation, postLink } from './local-rig.ts';

const zone = 'corp.internal';
const options = { ...(await needsLowPorts()), timeout: 240_000 };

async function rigged(t: Parameters<typeof localRig>[0], more: Parameters<typeof localRig>[1] = {}) {
  const rig = await localRig(t, { dns: { zones: [zone] }, realNames: true, now: Date.now(), ...more });
  const addressOf = async (host: string): Promise<string | undefined> => {
    const answer = await askUdp(rig.side.ports.dns!, question(host));
    return (answer.answers?.[0] as { data?: string } | undefined)?.data;
  };
  return Object.assign(rig, { addressOf });
}

interface Reply extends Pick<Answer, 'status' | 'headers' | 'body'> {
  readonly certificate: PeerCertificate;
}

/** One request over a connection to an address, believing the issuer and nobody else. */
async function askTls(
  address: string,
  ca: string,
  host: string,
  head: Record<string, string> = {},
  path = '/',
): Promise<Reply> {
  const socket = connect({ host: address, port: 443, servername: host, ca, rejectUnauthorized: true });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerCertificate();
  const headers = Object.entries({ host, connection: 'close', ...head }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(`GET ${path} HTTP/1.1\r\n${headers.join('')}\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  const [top = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n', 2);
  const lines = top.split('\r\n');
  const pairs = lines.slice(1).map((line) => line.split(/: (.*)/s, 2) as [string, string]);
  const cookies = pairs.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);
  const fields = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    status: Number(lines[0]!.split(' ')[1]),
    headers: { ...fields, ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}) },
    body,
    certificate,
  };
}

t.test('a name has its address, its certificate and its app', options, async (t) => {
  const directory = t.testdir();
  const rig = await rigged({ teardown: (close) => t.teardown(close as () => void), testdir: () => directory });
  const ca = readFileSync(join(directory, 'names-issuer.crt'), 'utf8');
  const at = (await rig.addressOf(`wiki.${zone}`))!;
  t.match(at, /^127\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./);
  const notes = (await rig.addressOf(`notes.${zone}`))!;
  t.not(notes, at, 'each name has an address of its own');
  const reply = await askTls(at, ca, `wiki.${zone}`);
  t.match(reply, { status: 200, body: 'from the app' });
  t.equal(reply.certificate.subjectaltname, `DNS:wiki.${zone}`, 'exactly this name');
  const days = (Date.parse(reply.certificate.valid_to) - Date.parse(reply.certificate.valid_from)) / 86_400_000;
  t.ok(days < 1.01, `good for ${days} days`);
  t.match(rig.got.at(-1), { url: '/', headers: { host: `wiki.${zone}`, 'postern-grant': /grant-/ } });
  const again = await localRig(
    { teardown: (close) => t.teardown(close as () => void), testdir: () => directory },
    { dns: { zones: [zone] }, realNames: true, now: Date.now() },
  ).catch((error: Error) => error);
  t.notMatch(again, Error, 'a second profile beside it takes other addresses');
  t.equal(readFileSync(join(directory, 'names-issuer.crt'), 'utf8'), ca, 'the issuer is kept');
});

t.test('without TLS there is only the way to TLS; another name at the address is nobody', options, async (t) => {
  const directory = t.testdir();
  const rig = await rigged({ teardown: (close) => t.teardown(close as () => void), testdir: () => directory });
  const ca = readFileSync(join(directory, 'names-issuer.crt'), 'utf8');
  const at = (await rig.addressOf(`wiki.${zone}`))!;
  const plain = async (host: string) => {
    const socket = connectTcp({ host: at, port: 80 });
    socket.end(`GET /a?b HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  t.match(await plain(`wiki.${zone}`), /^HTTP\/1\.1 308[\s\S]*location: https:\/\/wiki\.corp\.internal\/a\?b\r\n/i);
  for (const host of [`pay.${zone}`, 'evil.example', '127.0.0.1', `wiki.${zone}:8080`]) {
    t.match(await plain(host), /^HTTP\/1\.1 404/, host);
    t.equal((await askTls(at, ca, `wiki.${zone}`, { host })).status, 404, host);
  }
  t.equal(rig.got.length, 0);
});

t.test('a browser is let in over the portal, by a cookie of that name alone', options, async (t) => {
  const directory = t.testdir();
  const rig = await rigged({ teardown: (close) => t.teardown(close as () => void), testdir: () => directory });
  const ca = readFileSync(join(directory, 'names-issuer.crt'), 'utf8');
  const at = (await rig.addressOf(`wiki.${zone}`))!;
  const detour = await askTls(at, ca, `wiki.${zone}`, navigation, '/page');
  t.match(detour, {
    status: 302,
    headers: { location: /^http:\/\/postern\.localhost:\d+\/\.postern-local\/session\?/ },
  });
  const portal = cookieOf(await postLink(rig as LocalRig));
  const hop = new URL(detour.headers.location!);
  const { ask } = await import('./local-rig.ts');
  const back = await ask(rig.port, {
    host: hop.host,
    path: hop.pathname + hop.search,
    headers: { ...navigation, cookie: portal },
  });
  t.match(back.headers.location, new RegExp(`^https://wiki\\.${zone}/\\.postern-local/session\\?token=`));
  const { pathname, search } = new URL(back.headers.location!);
  const let_in = await askTls(at, ca, `wiki.${zone}`, navigation, pathname + search);
  const set = let_in.headers['set-cookie']![0]!;
  t.match(set, /^__Host-postern-local-\d+=.*; Path=\/; Secure;.*HttpOnly; SameSite=Lax$/);
  t.match(let_in.headers.location, `https://wiki.${zone}/page`);
  const cookie = set.split(';', 1)[0]!;
  const shown = await askTls(at, ca, `wiki.${zone}`, { ...navigation, cookie: `${cookie}; theme=dark` }, '/page');
  t.equal(shown.status, 200);
  t.equal(rig.got.at(-1)!.headers.cookie, 'theme=dark', 'ours does not go to the app');
  const notes = (await rig.addressOf(`notes.${zone}`))!;
  t.equal((await askTls(notes, ca, `notes.${zone}`, { ...navigation, cookie })).status, 302, 'not at another name');
  const script = {
    'user-agent': navigation['user-agent'],
    'sec-fetch-site': 'same-site',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
  };
  t.equal((await askTls(at, ca, `wiki.${zone}`, script)).status, 403, 'no cookie, no navigation');
  const spent = await askTls(at, ca, `wiki.${zone}`, navigation, pathname + search);
  t.equal(spent.status, 403, 'a token works once');
});

t.test('names follow the list of apps; what is open to one that is gone ends', options, async (t) => {
  const directory = t.testdir();
  const rig = await rigged({ teardown: (close) => t.teardown(close as () => void), testdir: () => directory });
  const ca = readFileSync(join(directory, 'names-issuer.crt'), 'utf8');
  const at = (await rig.addressOf(`pay.${zone}`))!;
  const open = connect({ host: at, port: 443, servername: `pay.${zone}`, ca });
  await once(open, 'secureConnect');
  open.on('error', () => {});
  const closed = once(open, 'close');
  rig.core.setApps([wiki]);
  await closed;
  t.equal(await rig.addressOf(`pay.${zone}`), undefined);
  const refused = connectTcp({ host: at, port: 443 });
  await t.rejects(once(refused, 'connect'), { code: 'ECONNREFUSED' });
  rig.core.setApps([wiki, pay]);
  let now = await rig.addressOf(`pay.${zone}`);
  while (now === undefined) now = await rig.addressOf(`pay.${zone}`);
  t.equal(now, at, 'the same address again');
});

t.test('a TCP app is at its own port', options, async (t) => {
  const app = createServer((socket) => socket.end('from the database')).listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.teardown(() => app.close());
  const rig = await rigged(t as Parameters<typeof localRig>[0], { tcpApp: (app.address() as { port: number }).port });
  const at = (await rig.addressOf(`db.${zone}`))!;
  const socket = connectTcp({ host: at, port: 5432 });
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  t.equal(Buffer.concat(chunks).toString(), 'from the database');
  t.match(rig.core.asked.at(-1), { app: 'db' });
});

t.test('P30: another user gets nothing at a real name', options, async (t) => {
  const rig = await rigged(t as Parameters<typeof localRig>[0], { ownerCheck: async () => 'other' });
  const at = (await rig.addressOf(`wiki.${zone}`))!;
  for (const port of [80, 443]) {
    const socket = connectTcp({ host: at, port }).on('error', () => {});
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    t.equal(Buffer.concat(chunks).length, 0, `port ${port}`);
  }
  t.equal(rig.got.length, 0);
});

const isRoot = process.geteuid?.() === 0;
t.test(
  'without the privilege it says which, and what there is instead',
  { skip: !isRoot && 'not root: nothing to give up' },
  async (t) => {
    const { openRealNames } = await import('../../../client-agent/from-apps/real-names.ts');
    const { silentLog } = await import('#shared/base/log.ts');
    const server = { serveTls() {}, servePlain() {}, stop() {} };
    const common = { check: async () => 'own' as const, trustLoopback: false, log: silentLog };
    const nothing = { toTcp() {}, onChange() {}, apps: () => [], salt: 'x', log: silentLog };
    process.seteuid!(65_534);
    t.teardown(() => process.seteuid!(0));
    const opened = openRealNames({ zones: [zone], server, common, ...nothing });
    await t.rejects(opened, { code: 'invalid-config', message: /CAP_NET_BIND_SERVICE.*<app>\.localhost/ });
  },
);

t.test('an issuer can certify its zones and nothing else', async (t) => {
  const { issueForName, makeLocalIssuer, zonesOfLocalIssuer } = await import('#shared/crypto/local-issuer.ts');
  const { makeRootCa } = await import('#shared/crypto/issue-certificate.ts');
  const { generateKeyPair } = await import('#shared/crypto/keys.ts');
  const { execFileSync } = await import('node:child_process');
  const { writeFileSync } = await import('node:fs');
  const now = Date.now();
  const issuer = await makeLocalIssuer({ zones: [zone, 'lab.example'], label: 'Postern', now });
  const dir = t.testdir();
  writeFileSync(join(dir, 'ca.pem'), issuer.certificate);
  const verify = async (name: string) => {
    const { pem } = await issueForName({ issuer, publicKey: generateKeyPair().publicKey, name, now });
    writeFileSync(join(dir, 'leaf.pem'), pem);
    try {
      return execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', join(dir, 'ca.pem'), join(dir, 'leaf.pem')],
        {
          encoding: 'utf8',
          stdio: 'pipe',
        },
      );
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  };
  t.match(await verify(`wiki.${zone}`), /OK/);
  t.match(await verify('lab.example'), /OK/);
  for (const name of ['example.com', `x${zone}`, 'www.bank.example'])
    t.match(await verify(name), /permitted subtree violation/, name);
  t.strictSame(await zonesOfLocalIssuer(issuer.certificate), [zone, 'lab.example']);
  const other = await makeRootCa({ trustDomain: 'corp.example', now });
  t.equal(await zonesOfLocalIssuer(other.certificate), undefined, 'an issuer for everything');
  t.equal(await zonesOfLocalIssuer('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), undefined);
  t.ok(new X509Certificate(issuer.certificate).ca);
});
