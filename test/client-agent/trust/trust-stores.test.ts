/** Stores of certificates: databases as Firefox and Chromium have them, judged by NSS itself, and the system's store. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { issueForName, makeLocalIssuer } from '#shared/crypto/local-issuer.ts';
import { lookAtNames } from '../../../client-agent/cli/look-at-names.ts';
import { type System, thisSystem } from '../../../client-agent/resolver/system.ts';
import {
  distrustInNss,
  distrustInSystem,
  lookAtNss,
  lookAtSystem,
  nameOf,
  trustInNss,
  trustInSystem,
} from '../../../client-agent/trust/trust-stores.ts';
import { needs } from '../../support/programs.ts';

const zone = 'sdp.example.com';
const now = Date.now();
const issuer = await makeLocalIssuer({ zones: [zone], label: `Postern ${zone}`, now });
const { certificate } = issuer;
const name = nameOf({ certificate });
const keys = generateKeyPair();
const leafFor = async (host: string) =>
  (await issueForName({ issuer, publicKey: keys.publicKey, name: host, now })).pem;

t.test(
  'Firefox and Chromium: trusted for the zone alone, and for nothing once it is taken back',
  needs('certutil'),
  async (t) => {
    const home = t.testdir();
    const file = join(home, 'issuer.crt');
    writeFileSync(file, certificate);
    // As Firefox makes them: one that is used, another of another channel, one in a snap; a directory without a database is no profile.
    const profiles = [
      '.mozilla/firefox/abc.default-esr',
      '.mozilla/firefox/def.dev-edition',
      'snap/firefox/common/.mozilla/firefox/x.default',
    ];
    const certutil = (...words: string[]) =>
      execFileSync('certutil', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    for (const profile of profiles) {
      mkdirSync(join(home, profile), { recursive: true });
      certutil('-N', '-d', `sql:${join(home, profile)}`, '--empty-password');
    }
    mkdirSync(join(home, '.mozilla/firefox/Crash Reports'), { recursive: true });
    /** What a browser with this database would make of a server at `host`. */
    const isGood = async (store: string, host: string) => {
      const leaf = join(home, 'leaf.crt');
      writeFileSync(leaf, await leafFor(host));
      try {
        certutil('-A', '-d', `sql:${store}`, '-n', host, '-t', ',,', '-i', leaf);
        return /is valid/.test(certutil('-V', '-d', `sql:${store}`, '-n', host, '-u', 'V'));
      } catch {
        return false;
      } finally {
        certutil('-D', '-d', `sql:${store}`, '-n', host);
      }
    };
    const firefox = join(home, profiles[0]!);
    t.notOk(await isGood(firefox, `wiki.${zone}`), 'not before');

    const stores = await trustInNss(thisSystem, home, { certificate, file });
    t.strictSame(stores.toSorted(), ['.pki/nssdb', ...profiles].map((path) => join(home, path)).toSorted());
    t.strictSame(await trustInNss(thisSystem, home, { certificate, file }), stores, 'twice is once');
    for (const store of stores) {
      t.match(certutil('-L', '-d', `sql:${store}`), new RegExp(`${name}\\s+C,,`), store);
      t.ok(await isGood(store, `wiki.${zone}`), 'a name of the zone');
      t.notOk(await isGood(store, 'www.example.org'), 'no other name, whoever has the key');
    }
    t.ok((await lookAtNss(thisSystem, home, name)).every(({ trusted }) => trusted));

    t.strictSame((await distrustInNss(thisSystem, home, name)).toSorted(), stores.toSorted());
    for (const store of stores) {
      t.notMatch(certutil('-L', '-d', `sql:${store}`), name);
      t.notOk(await isGood(store, `wiki.${zone}`));
    }
    t.strictSame(await distrustInNss(thisSystem, home, name), [], 'once');
  },
);

/** Paths below `root`; what is run is written down. */
function recorder(root: string): { system: System; ran: string[] } {
  const ran: string[] = [];
  const run: System['run'] = async (command) => {
    ran.push(command.join(' '));
    return { code: command[0] === 'certutil' ? 1 : 0, said: '' };
  };
  return { system: { platform: 'linux', root, run }, ran };
}

t.test('the stores of systems: the file and the program of each', async (t) => {
  for (const [directory, update] of [
    ['usr/local/share/ca-certificates', 'update-ca-certificates'],
    ['etc/pki/ca-trust/source/anchors', 'update-ca-trust'],
  ] as const) {
    const root = t.testdir({});
    mkdirSync(join(root, directory), { recursive: true });
    const { system, ran } = recorder(root);
    const path = await trustInSystem(system, { certificate, file: 'unused' });
    t.equal(readFileSync(path, 'utf8'), certificate);
    t.match(lookAtSystem(system, name), { store: path, trusted: true });
    t.equal(await distrustInSystem(system, name), true);
    t.notOk(existsSync(path));
    t.equal(await distrustInSystem(system, name), false);
    t.strictSame(ran, [update, update]);
  }
  await t.rejects(trustInSystem(recorder(t.testdir({})).system, { certificate, file: '' }), { code: 'invalid-config' });
});

t.test('doctor tells of issuer, trust, resolver and addresses', async (t) => {
  const root = t.testdir({
    profile: {},
    run: { 'postern-dns': {} },
    home: {},
    usr: { local: { share: { 'ca-certificates': {} } } },
  });
  const { system } = recorder(root);
  const place = { directory: join(root, 'profile'), home: join(root, 'home'), system };
  t.strictSame(await lookAtNames({ ...place, local: [] }), [], 'nothing, where nothing was set up');

  writeFileSync(join(root, 'profile/names-issuer.crt'), certificate);
  const local = [
    { name: 'dns', address: '127.0.0.1:7053' },
    { name: `real name wiki.${zone}`, address: '127.64.1.1:1' },
  ];
  t.match(await lookAtNames({ ...place, local }), [
    { name: 'system DNS', ok: undefined, detail: /does not ask the agent/, fix: /dns install/ },
    { name: `real name wiki.${zone}`, ok: undefined, detail: /cannot be told/ },
    { name: 'issuer of names', ok: true, detail: new RegExp(`${name}, good for 36\\d d`) },
    { name: /^trust in .*nssdb/, ok: undefined, detail: /warning/, fix: 'postern trust install' },
    { name: /^trust in .*ca-certificates/, ok: undefined, fix: /sudo postern trust install --system/ },
  ]);

  const journal = {
    v: 1,
    how: 'systemd-resolved',
    zones: [zone],
    server: { host: '127.0.0.1', port: 7053 },
    steps: [],
  };
  writeFileSync(join(root, 'run/postern-dns/dns.json'), JSON.stringify(journal));
  t.match((await lookAtNames({ ...place, local: undefined }))[0], {
    ok: false,
    detail: /was not put back/,
    fix: /dns restore/,
  });
  t.match((await lookAtNames({ ...place, local }))[0], {
    name: `system DNS of ${zone}`,
    ok: false,
    detail: /agent is not reached/,
  });
  writeFileSync(join(root, 'run/postern-dns/dns.json'), '{');
  t.match((await lookAtNames({ ...place, local }))[0], { name: 'system DNS', ok: false, detail: /cannot be read/ });
});
