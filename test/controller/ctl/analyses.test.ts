/** The commands that ask what a draft would change: the real command, a real controller, grants asked for over real TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { second } from '../../../shared/base/clock.ts';
import type { ReplayResult } from '../../../shared/contracts/admin-analysis.ts';
import { enrolAgent, joinGateway } from '../support/fake-peers.ts';
import { type RunController, runController } from '../support/run-controller.ts';
import { ctlOf, shellOf } from '../support/run-ctl.ts';

const wiki = {
  name: 'Wiki',
  kind: 'http',
  site: 'main',
  hosts: ['wiki.test'] as string[],
  upstream: 'http://127.0.0.1:1',
  operations: { export: 'POST /reports/*/export' },
} as const;
const staff = '@id("staff") permit(principal in Group::"staff", action, resource);\n';

// Each command is a process of its own.
t.setTimeout(240 * second);

async function openOrganisation(t: Test): Promise<RunController> {
  const controller = await runController(t);
  const shell = controller.as({ reason: 'test' });
  await shell.putGroup({ params: { id: 'staff' }, body: {} });
  await shell.putPerson({ params: { id: 'emma' }, body: { name: 'Emma', groups: ['staff'] } });
  await shell.putApp({ params: { id: 'wiki' }, body: { id: 'wiki', ...wiki } });
  await shell.publishPolicy({ body: { files: [{ id: 'all', text: staff }], message: 'first' } });
  return controller;
}

function directory(t: Test, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-draft-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'all.cedar'), text);
  return dir;
}

t.test('policy replay: what a draft would turn, and who asked', async (t) => {
  const controller = await openOrganisation(t);
  const ctl = shellOf(controller);
  await joinGateway(t, controller, 'gw-main');
  const emma = await enrolAgent(t, controller, 'emma');
  for (let n = 0; n < 3; n += 1) await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });

  const dir = directory(t, `${staff}@id("closed") forbid(principal, action, resource == App::"wiki");`);
  const said = await ctl(['policy', 'replay', dir, '--since', '1h']);
  t.match(said, { code: 0, out: /^3 verdicts .*: 0 the same\.\n3 verdicts would flip: 3 allow to deny, 0 deny/ });
  t.match(said.out, /Allowed, and would be denied:\nPERSON +APP +BY[^\n]*\nemma +wiki +closed +policy-forbid +3 /);
  const found = JSON.parse((await ctl(['policy', 'replay', dir, '--json'])).out) as ReplayResult;
  t.match(found, { draft: true, verdicts: 3, allowToDeny: 3, questions: 1, flips: { length: 3 } });
  t.match(await ctl(['policy', 'replay', dir, '--fail-on-flip']), { code: 1 });
  t.match(await ctl(['policy', 'replay', dir, '--fail-on-flip', '--app', 'other']), { code: 0, out: /^0 verdicts/ });
  t.match(await ctl(['policy', 'replay', '--fail-on-flip']), { code: 0, out: /0 verdicts not as the version/ });
  t.match(await ctl(['policy', 'replay', '--version', '1']), { code: 0, out: /3 the same/ });
  t.match(await ctl(['policy', 'replay', '--version', '9']), { code: 1, err: /There is no policy version 9/ });
  t.match(await ctl(['policy', 'replay', dir, '--version', '1']), { code: 2, err: /not both/ });
  writeFileSync(join(dir, 'all.cedar'), 'permit(principal in Group::"ghosts", action, resource);');
  t.match(await ctl(['policy', 'replay', dir]), { code: 1, err: /error: all\.cedar:1.*ghosts/ });

  const open = directory(t, 'permit(principal, action, resource);');
  const fit = directory(t, '@id("fit") permit(principal, action, resource) when { context.device.firewallOn };');
  const all = await ctl(['policy', 'what-if', '--all', '--app', 'wiki', '--draft', fit]);
  t.match(all, { code: 1, out: /^2 people, 1 without a device in service\.\nWould lose something: 1\. Would gain/ });
  t.match(all.out, /Lose:\nPEOPLE[^\n]*\n +1 +wiki +no-permit +emma +This device has not reported/);
  t.match(await ctl(['policy', 'what-if', '--all', '--draft', open]), { code: 0, out: /Would lose something: 0/ });
  t.match(await ctl(['policy', 'what-if', '--group', 'staff', '--json']), { code: 0, out: /"people":1,.*"denied":0/ });
  t.match(await ctl(['policy', 'what-if', 'emma', 'wiki', '--draft', fit]), {
    code: 1,
    out: /^In force: allowed\. By the draft:\ndeny: no-permit[\s\S]*false +device\.firewallOn[\s\S]*emma would read\n/,
  });
  t.match(await ctl(['policy', 'what-if', 'emma', 'wiki', '--draft', open]), { code: 0, out: /By the draft:\nallow/ });
  t.match(await ctl(['policy', 'what-if', 'emma', 'wiki']), { code: 0 });
  for (const wrong of [
    ['nobody', 'wiki'],
    ['nobody', 'wiki', '--draft', fit],
    ['emma', 'nothing'],
    ['emma'],
    ['emma', 'wiki', '--all'],
    ['olga', 'wiki', '--draft', fit],
    ['emma', 'wiki', '--second-factor-age', 'soon'],
    ['--group', 'nobodies'],
    ['--all', '--app', 'wiki', '--operation', 'none'],
    ['--all', '--request', 'GET /'],
  ])
    t.match(await ctl(['policy', 'what-if', ...wrong]), { code: 2 }, `what-if ${wrong.join(' ')} is no question`);

  const who = await ctl(['policy', 'who-can', 'wiki', '--draft', fit]);
  t.match(who, { code: 0, out: /^1 of 2 people can use wiki; 1 have no device in service\.\nWould gain it: 0/ });
  t.match(who.out, /After:\nPERSON[^\n]*\nemma +dev_\S+ +fit +many +device\.firewallOn true/);
  t.match(await ctl(['policy', 'who-can', 'wiki', 'export', '--json']), {
    code: 0,
    out: /"operation":"export".*"emma"/,
  });
  t.match(await ctl(['policy', 'who-can', 'nothing']), { code: 1, err: /There is no app "nothing"/ });

  const audrey = controller.as({ token: await controller.signIn('audrey', 'auditor') });
  const bytes = await audrey.replayPolicy({ body: { from: 0, person: 'emma' } });
  let text = '';
  for await (const chunk of bytes) text += chunk;
  t.match(JSON.parse(text.trim().split('\n').at(-1)!), { t: 'result', result: { draft: false, verdicts: 3, same: 3 } });
  const { records } = await audrey.records({ query: { kind: 'log' } });
  t.match(records[0], { actor: 'audrey', event: 'policy-replayed', details: { search: { person: 'emma' } } }, 'P34');
  t.match(records.at(-1), { actor: 'shell', event: 'policy-replayed', details: { draft: /^files [0-9a-f]{16}$/ } });
  const events = new Set(records.map(({ event }) => event));
  t.ok(events.has('policy-what-if') && events.has('policy-who-can'), 'P34 so are what-if for many and who-can');
});

t.test('policy shadow: a draft beside the version in force', async (t) => {
  const controller = await openOrganisation(t);
  const ctl = ctlOf(t, controller);
  await joinGateway(t, controller, 'gw-main');
  const emma = await enrolAgent(t, controller, 'emma');
  const dir = directory(t, '@id("closed") forbid(principal, action, resource);');
  t.match(await ctl(['policy', 'shadow', 'status']), { code: 0, err: /No draft has run/ });
  t.match(await ctl(['policy', 'shadow', 'start', dir, '--for', 'ever', '--reason', 'x']), {
    code: 2,
    err: /no length of/,
  });
  t.match(await ctl(['policy', 'shadow', 'start', dir, '--for', '1s', '--reason', 'x']), {
    code: 1,
    err: /for a minute/,
  });
  const bad = directory(t, 'permit(principal in Group::"ghosts", action, resource);');
  t.match(await ctl(['policy', 'shadow', 'start', bad, '--reason', 'x']), {
    code: 1,
    err: /error: all\.cedar:1.*ghosts/,
  });
  t.match(await ctl(['policy', 'shadow', 'start', dir, '--reason', 'x']), { code: 0, out: /^The draft runs beside/ });
  t.match(await ctl(['policy', 'shadow', 'start', dir, '--reason', 'x']), { code: 1, err: /stop it first/ });
  for (let n = 0; n < 2; n += 1) await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
  const stopped = await ctl(['policy', 'shadow', 'stop', '--reason', 'seen']);
  t.match(stopped, { code: 0, out: /2 decisions judged, 2 otherwise/ });
  t.match(stopped.out, /denies +emma +wiki +closed +policy-forbid +2 /);
  t.match(await ctl(['policy', 'shadow', 'status', '--json']), { code: 1, out: /"endedBecause":"stopped"/ });
  t.match(await ctl(['policy', 'shadow', 'stop', '--reason', 'again']), { code: 1, err: /No draft runs/ });
});
