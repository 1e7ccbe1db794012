/**
 * The payroll export of the guide, with real processes: denied, why, a second factor, once; a second use of the same grant is refused;
 * the admin explains the denial by its trace, and replay shows what a stricter draft would have changed.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { giveCode } from '../../deploy/quickstart/resume.ts';
import { curl, filesOfProfile, postJson, withDevice } from '../support/journey-curl.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

t.test('the payroll export', needs('curl'), async (t) => {
  // curl, which cannot knock, presents a grant here.
  const triangle = await steerTriangle(t, {}, { controller: { door: 'none' }, gateway: { door: 'none' } });
  const { admin, agents, users, ports } = triangle;
  const emil = agents.emil;
  const dir = privateDir(t, 'payroll');
  const profile = join(triangle.state.dir, 'agents/emil/profile');
  const port = triangle.portalPort('emil');
  const month = '2026-10';
  const path = `/reports/${month}/export`;
  const request = { method: 'POST', host: 'payroll.corp.internal', path, query: '' } as const;
  const exporting = () => askThroughAgent({ port, app: 'payroll', method: 'POST', path });
  const records = (more: object) => admin.records({ query: { person: 'emil', app: 'payroll', limit: 100, ...more } });
  const used = async () => {
    const found = await records({ kind: 'access', verdict: 'allow' });
    return found.records.filter(({ request: asked, phase }) => asked?.operation === 'export' && phase === 'opening');
  };
  const posternctl = (...args: string[]) =>
    runTool(process.execPath, [join(root, 'controller/ctl/main.ts'), ...args], {
      env: { POSTERN_SOCKET: triangle.adminSocket, POSTERN_REASON: 'the test' },
    });
  const postern = (...args: string[]) => runTool(join(root, 'bin/postern'), [...args, '--dir', profile]);

  // The same wish as 15 minutes, in seconds.
  const { files } = await admin.policy({ query: {} });
  const withAge = (seconds: number) =>
    files.map((file) => ({
      ...file,
      text: file.text.replace('secondFactorAge <= 900', `secondFactorAge <= ${seconds}`),
    }));
  const maxAge = 5;
  await triangle.describe((bundle) => ({
    ...bundle,
    apps: bundle.apps!.map((app) => (app.id === 'payroll' ? { ...app, grantSeconds: 300 } : app)) as never,
  }));
  await admin.publishPolicy({ body: { files: withAge(maxAge), message: 'A second factor of this moment' } });
  const { device } = (await emil.status({})).state;
  await untilItWorks(async () => {
    const body = { person: 'emil', device: device.id, app: 'payroll', act: 'request', request } as const;
    if ((await admin.whatIf({ body })).verdict === 'allow') throw new Error('the second factor is still fresh');
  });

  let trace = '';
  t.test('denied, and why', async (t) => {
    const waiting = exporting();
    const hold = await untilItWorks(async () => {
      const [first] = (await emil.status({})).holds;
      if (first === undefined) throw new Error('nothing waits');
      return first;
    });
    t.match(hold, { kind: 'step-up', code: 'step-up-required', fixes: [{ kind: 'second-factor' }] });
    await emil.giveUp({ params: { id: hold.id } });
    const { status, text } = await waiting;
    t.equal(status, 401);
    t.match(JSON.parse(text), { code: 'step-up-required', next: 'step-up', fixes: [{ kind: 'second-factor' }] });
    ({ trace } = JSON.parse(text) as { trace: string });
    const { stdout } = await postern('why', 'payroll');
    t.match(stdout, /second factor/i);
    t.comment(stdout.trim());
    t.same(await used(), [], 'the app has seen nothing');
  });

  t.test('confirms the second factor, and gets it once', async (t) => {
    const waiting = exporting();
    await untilItWorks(async () => {
      if ((await emil.status({})).holds.length === 0) throw new Error('nothing waits');
    });
    const { flow } = await emil.startSignIn({ body: { purpose: 'step-up' } });
    await giveCode(emil, users.emil, flow);
    const { status, text } = await waiting;
    t.equal(status, 200, text);
    t.match(text, /;|,/, 'the table of everybody');
    const [opening] = await untilItWorks(async () => {
      const found = await used();
      if (found.length !== 1) throw new Error(`${found.length} exports are told`);
      return found;
    });
    t.match(opening, { details: { use: 'once' }, reasons: ['grant-valid'] });
    const given = (await records({ kind: 'grant', verdict: 'allow' })).records.find(
      ({ grant }) => grant === opening!.grant,
    );
    t.match(given, { details: { use: 'once', gateway: 'gw-main' }, policies: ['payroll-export'] });
  });

  t.test('a second use of the same grant is refused; asking again is another decision', async (t) => {
    // So that the grant lives for longer than a gateway needs to come back.
    await admin.publishPolicy({ body: { files: withAge(900), message: 'Within 15 minutes, as before' } });
    const own = withDevice(filesOfProfile(profile, dir));
    const session = JSON.parse(readFileSync(join(profile, 'session.json'), 'utf8')) as { secret: string };
    const askForGrant = () =>
      postJson<{ grant: string; scope: string }>(
        `https://127.0.0.1:${ports.mutual}/v1/grants`,
        { app: 'payroll', act: 'request', request, idleMs: 0 },
        ...own,
        '--header',
        `Authorization: Postern-Session ${session.secret}`,
      );
    const { grant, scope } = await askForGrant();
    t.equal(scope, 'request');
    const present = (where = path, method = 'POST') =>
      curl(
        ...own,
        '--request',
        method,
        '--header',
        `Host: ${request.host}`,
        '--header',
        `Postern-Grant: ${grant}`,
        `https://127.0.0.1:${ports.gateway}${where}`,
      );
    const other = await present('/reports/2026-09/export');
    t.equal(other.status, 403);
    t.match(JSON.parse(other.body), { code: 'rules-refused' }, 'not for another month');
    const first = await present();
    t.equal(first.status, 200, first.body);
    for (const again of [await present(), await present()]) {
      t.equal(again.status, 403);
      t.match(JSON.parse(again.body), { code: 'grant-used', next: 'renew' });
    }
    await triangle.end('gateway', 'SIGKILL');
    await triangle.start('gateway');
    const after = await untilItWorks(async () => {
      const answer = await present();
      if (answer.status === 0) throw new Error(answer.stderr);
      return answer;
    });
    t.match(JSON.parse(after.body), { code: 'grant-used' }, 'nor after a kill of the gateway');
    await untilItWorks(async () => {
      const found = await used();
      if (found.length !== 2) throw new Error(`${found.length} exports are told`);
    });
  });

  t.test('the admin explains the denial by its trace', async (t) => {
    const { code, stdout, stderr } = await posternctl('policy', 'explain', trace);
    t.equal(code, 0, stderr);
    t.match(stdout, /payroll-export/);
    t.match(stdout, /second factor/i);
    t.match(stdout, /decided again from these facts by this version: the same/);
    t.comment(stdout.trim());
  });

  t.test('replay shows what a stricter draft would have changed', async (t) => {
    const draft = join(dir, 'draft');
    mkdirSync(draft);
    for (const { id, text } of withAge(maxAge))
      writeFileSync(
        join(draft, `${id}.cedar`),
        text.replace(
          'context.device.diskEncrypted &&',
          'context.device.diskEncrypted && context.device.screenLock && context.network.address.isInRange(ip("10.0.0.0/8")) &&',
        ),
      );
    const { code, stdout, stderr } = await posternctl('policy', 'replay', draft, '--app', 'payroll', '--json');
    t.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    t.ok(result.allowToDeny >= 2, stdout);
    t.match(result, {
      draft: true,
      denyToAllow: 0,
      groups: [{ person: 'emil', app: 'payroll', direction: 'allow-to-deny' }],
    });
    t.match(await posternctl('policy', 'replay', draft, '--app', 'payroll', '--fail-on-flip'), {
      code: 1,
      stdout: /emil/,
    });
  });
});
