/**
 * An auditor signs in, finds a denied payroll export by its trace, proves it, and somebody with nothing but the file, the key and the
 * verifier checks the proof on another machine. Then the log is verified, from a checkpoint that was kept and from files alone.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { currentTotp } from '#shared/crypto/totp.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { root } from '../support/source-tree.ts';
import { startTriangle } from '../support/triangle.ts';

t.test('a denied export is proved', async (t) => {
  const triangle = await startTriangle(t);
  const dir = privateDir(t, 'proof');
  const { audrey } = triangle.ready.people;
  const posternctl = (args: readonly string[], input = '') =>
    runTool(process.execPath, [join(root, 'controller/ctl/main.ts'), ...args], {
      env: { POSTERN_SOCKET: triangle.ready.adminSocket, XDG_CONFIG_HOME: dir },
      input,
    });
  const ok = async (args: readonly string[], input?: string) => {
    const ran = await posternctl(args, input);
    t.equal(ran.code, 0, `${args.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  };

  const path = '/reports/2026-10/export';
  const port = triangle.portalPort('audrey');
  t.equal((await askThroughAgent({ port, app: 'payroll', method: 'POST', path })).status, 403);

  // The code of the next half minute: that of this one may be used already (RFC 6238 section 5.2).
  await ok(['login', 'audrey'], `${audrey.password}\n${currentTotp(audrey.totpSecret, Date.now() + 30_000)}\n`);
  t.match(await ok(['whoami']), /auditor/);
  const early = join(dir, 'early.checkpoint');
  const key = (await ok(['log', 'key', '--checkpoint', early])).trim();
  t.match(key, /^[^+]+\+[0-9a-f]{8}\+A/);

  const found = JSON.parse(await ok(['log', 'search', '--app', 'payroll', '--verdict', 'deny', '--json']));
  const denied = found.records.find((one: { person?: string }) => one.person === 'audrey');
  t.ok((await ok(['log', 'show', denied.trace.slice(0, 8), '--json'])).includes(denied.id));

  const file = join(dir, 'export.tlog-proof');
  await ok(['log', 'prove', denied.id, '--out', file, '--without', 'from']);
  t.match(await ok(['log', 'check-proof', file, '--key', key]), /Holds: leaf/);

  // The other machine: a folder with the three, and a Node that may read nothing else and reach nobody.
  const elsewhere = join(dir, 'elsewhere');
  mkdirSync(elsewhere);
  await ok(['log', 'verifier', join(elsewhere, 'verifier')]);
  copyFileSync(file, join(elsewhere, 'export.tlog-proof'));
  writeFileSync(join(elsewhere, 'key'), `${key}\n`);
  const check = (name: string, ...more: string[]) => {
    const node = [process.execPath, '--permission', `--allow-fs-read=${elsewhere}`, 'verifier/check-proof.mjs'];
    return runTool('env', ['-i', ...node, name, '--key', 'key', ...more], { cwd: elsewhere });
  };
  const checked = await check('export.tlog-proof', '--json');
  t.equal(checked.code, 0, checked.stderr);
  t.match(JSON.parse(checked.stdout), {
    holds: true,
    record: { id: denied.id, trace: denied.trace, verdict: 'deny', app: 'payroll' },
    disclosed: { person: 'audrey' },
  });
  const forged = readFileSync(file, 'utf8').replace(/^extra (.*)$/m, (_, extra: string) => {
    const text = Buffer.from(extra, 'base64').toString().replace('deny', 'allow');
    return `extra ${Buffer.from(text).toString('base64')}`;
  });
  writeFileSync(join(elsewhere, 'forged'), forged);
  const refused = await check('forged');
  t.equal(refused.code, 1);
  t.match(refused.stderr, /Does not hold/);

  t.match(await ok(['log', 'verify', '--key', key, '--from', early]), /is whole: .* goes on from 1 checkpoint/);
  const files = join(dir, 'files');
  await ok(['log', 'snapshot', files]);
  const offline = ['log', 'verify', '--files', files, '--key', key, '--from', early, '--json'];
  t.match(JSON.parse(await ok(offline)), { whole: true, faults: [] });
  t.notMatch(readFileSync(join(files, 'tile/entries/000.p', lastOf(files)), 'utf8'), /audrey/, 'no name leaves');
  const entries = join(files, 'tile/entries/000.p', lastOf(files));
  writeFileSync(entries, readFileSync(entries, 'latin1').replace('"deny"', '"none"'), 'latin1');
  const spoilt = await posternctl(offline);
  t.equal(spoilt.code, 1);
  t.match(JSON.parse(spoilt.stdout), {
    whole: false,
    faults: [{ tile: /^tile\/0\/000/, leaf: Number, record: /^rec_/ }],
  });
});

/** The width of the only bundle. */
const lastOf = (files: string): string => readFileSync(join(files, 'checkpoint'), 'utf8').split('\n')[1]!;
