/** P31: zones in which names belong to many are refused wherever this device would take them for itself. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { makeLocalIssuer } from '#shared/crypto/local-issuer.ts';
import { openNamesIssuer } from '../../../client-agent/keystore/names-issuer.ts';
import { ProfileDirectory } from '../../../client-agent/keystore/profile-directory.ts';
import { refusePublicSuffixes } from '../../../client-agent/names/public-suffix.ts';
import { runPostern } from '../cli/run-postern.ts';

t.test('P31: a zone of somebody, and one of many', async (t) => {
  for (const zone of ['sdp.example.com', 'sample.internal', 'example.co.uk', 'www.ck', 'a.b.example', 'lab.local'])
    await t.resolves(refusePublicSuffixes([zone]), zone);
  for (const zone of ['com', 'co.uk', 'github.io', 'foo.ck', 'internal', 'xn--p1ai', 's3.amazonaws.com'])
    await t.rejects(refusePublicSuffixes(['sdp.example.com', zone]), {
      code: 'invalid-config',
      message: new RegExp(`^"${zone}" is a public suffix: .*\\(sdp\\.example\\.${zone}\\)$`),
    });
});

t.test('P31: no issuer is made for one', async (t) => {
  const directory = new ProfileDirectory(join(t.testdir(), 'profile'));
  await t.rejects(openNamesIssuer(directory, ['sdp.example.com', 'co.uk'], systemClock), { code: 'invalid-config' });
  t.notOk(existsSync(directory.file('names-issuer.json')));
  t.notOk(existsSync(directory.file('names-issuer.crt')));
});

t.test('P31: an issuer for one is trusted nowhere, whoever made the file', async (t) => {
  const dir = t.testdir();
  const home = process.env['HOME'];
  process.env['HOME'] = join(dir, 'home');
  t.teardown(() => {
    if (home === undefined) delete process.env['HOME'];
    else process.env['HOME'] = home;
  });
  const zones = ['sdp.example.com', 'co.uk'];
  const { certificate } = await makeLocalIssuer({ zones, label: 'Postern', now: Date.now() });
  new ProfileDirectory(join(dir, 'profile')).write('names-issuer.crt', certificate);
  const { code, err } = await runPostern(['trust', 'install', '--dir', join(dir, 'profile')]);
  t.equal(code, 1);
  t.match(err, '"co.uk" is a public suffix');
  t.notOk(existsSync(join(dir, 'home/.pki')));
});

const asRoot = { skip: process.geteuid?.() !== 0 && 'takes root' };
t.test('P31: the system asks nobody here for all names of one', asRoot, async (t) => {
  const { code, err } = await runPostern(['dns', 'hold', '--zone', 'sdp.example.com', '--zone', 'co.uk']);
  t.equal(code, 1);
  t.match(err, '"co.uk" is a public suffix');
});
