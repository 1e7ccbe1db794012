/**
 * An auditor takes a bundle of evidence, and somebody with nothing but Node, the verifier and the public key checks it in another folder.
 * One altered byte in any file, a file that is gone or one too many is named.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { second } from '#shared/base/clock.ts';
import { checkBundle } from '#shared/log/check-bundle.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { enrolAgent, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';

t.setTimeout(240 * second);

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);\n';

t.test('a bundle holds without Postern, and each altered file is named', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const shell = controller.as({ reason: 'test' });
  await shell.putGroup({ params: { id: 'staff' }, body: {} });
  await shell.putPerson({ params: { id: 'emma' }, body: { name: '<script>alert(1)</script>', groups: ['staff'] } });
  const hosts: string[] = ['wiki.test'];
  const wiki = { id: 'wiki', name: 'Wiki', kind: 'http', site: 'main', hosts, upstream: 'http://127.0.0.1:1' } as const;
  await shell.putApp({ params: { id: 'wiki' }, body: wiki });
  for (const message of ['first', 'second'])
    await shell.publishPolicy({ body: { files: [{ id: 'all', text: `${staff}// ${message}\n` }], message } });
  await joinGateway(t, controller, 'gw-main');
  const emma = await enrolAgent(t, controller, 'emma');
  await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
  const key = (await ctl(['log', 'key'])).out.trim();

  const dir = join(controller.dir, 'bundle');
  const made = await ctl(['report', 'bundle', '--from', '1d', '--out', dir]);
  t.equal(made.code, 0, made.err);
  t.match(made.out, /bundle: \d+ records in \d+ files\./);
  t.match(await ctl(['report', 'bundle', '--out', dir]), { code: 1, err: /is there already/ });
  t.match(await ctl(['log', 'check-proof', dir, '--key', key]), { code: 0, out: /^Holds: \d+ files, \d+ records/ });
  const page = readFileSync(join(dir, 'index.html'), 'utf8');
  t.notMatch(page, /<script/, 'no name becomes a script');
  t.match(page, /&lt;script&gt;/);
  t.ok(readdirSync(join(dir, 'policies')).includes('2.json'));

  const elsewhere = t.testdir();
  await ctl(['log', 'verifier', join(elsewhere, 'verifier')]);
  cpSync(dir, join(elsewhere, 'bundle'), { recursive: true });
  const check = (place: string, ...more: string[]) => {
    // By env, so that nothing of the test runner is loaded into it: it may read this folder alone.
    const node = [process.execPath, '--permission', `--allow-fs-read=${elsewhere}`, 'verifier/check-proof.mjs'];
    const ran = spawnSync('env', ['-i', ...node, place, '--key', key, ...more], { cwd: elsewhere });
    return { code: ran.status, out: String(ran.stdout), err: String(ran.stderr) };
  };
  t.match(check('bundle', '--json'), { code: 0, out: /"holds":true/ });

  const copy = join(elsewhere, 'bundle');
  const log = [parseNoteKey(key)];
  const files = readdirSync(copy, { recursive: true, encoding: 'utf8' }).filter((one) =>
    statSync(join(copy, one)).isFile(),
  );
  t.ok(files.length > 15);
  for (const file of files) {
    const whole = readFileSync(join(copy, file));
    // At its beginning, somewhere in it, at its end.
    for (const at of [0, Math.floor(whole.length / 2), whole.length - 1]) {
      const spoilt = Buffer.from(whole);
      spoilt.writeUInt8(whole[at]! ^ 1, at);
      writeFileSync(join(copy, file), spoilt);
      const { holds, faults } = checkBundle(copy, { log });
      t.notOk(holds);
      t.ok(
        faults.some((fault) => fault.file === file),
        `byte ${at} of ${file} is found out`,
      );
    }
    writeFileSync(join(copy, file), whole);
  }
  appendFileSync(join(copy, 'reports/access.csv'), 'x');
  t.match(check('bundle'), { code: 1, err: /^Does not hold: "reports\/access\.csv": it is not the file/ });
  rmSync(join(copy, 'reports/access.csv'));
  t.match(check('bundle'), { code: 1, err: /reports\/access\.csv/ });
  cpSync(join(dir, 'reports/access.csv'), join(copy, 'reports/access.csv'));
  writeFileSync(join(copy, 'reports/more.csv'), '');
  t.match(check('bundle'), { code: 1, err: /"reports\/more\.csv": it is not in the manifest: it was added/ });
  rmSync(join(copy, 'reports/more.csv'));
  t.match(check('bundle'), { code: 0 });

  const packed = join(elsewhere, 'bundle.tar');
  t.match(await ctl(['report', 'bundle', '--from', '1d', '--out', packed]), {
    code: 0,
    out: /bundle\.tar: \d+ records in/,
  });
  t.same(readdirSync(elsewhere).sort(), ['bundle', 'bundle.tar', 'verifier'], 'nothing is left beside it');
  t.match(await ctl(['report', 'bundle', '--out', packed]), { code: 1, err: /is there already/ });
  t.match(await ctl(['log', 'check-proof', packed, '--key', key]), { code: 0, out: /^Holds: / });
  t.match(check('bundle.tar', '--json'), { code: 0, out: /"holds":true/ });
  writeFileSync(packed, readFileSync(packed).subarray(0, -1));
  t.match(check('bundle.tar'), { code: 1, err: /"bundle\.tar": it is cut short/ });

  const audrey = controller.as({ token: await controller.signIn('audrey', 'auditor') });
  const { records } = await audrey.records({ query: { event: 'bundle-sealed' } });
  const manifest = execFileSync('sha256sum', [join(dir, 'manifest.json')], { encoding: 'utf8' }).slice(0, 64);
  t.match(records.at(-1), { actor: 'shell', details: { manifest } });
  for await (const _ of await audrey.evidence({ query: { from: 0, to: 1 } }));
});
