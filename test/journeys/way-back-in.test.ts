/**
 * P6: every administrator's device is gone, and a policy forbids everything. One command on the controller's host brings the owner
 * back, and the log says who did it and why.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { askThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import { enrolDevice } from '../../deploy/quickstart/set-up.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import { runTool } from '../support/journey-tools.ts';
import { root } from '../support/source-tree.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

const triangle = await steerTriangle(t);
const { admin } = triangle;
const ask = (person: PersonId) =>
  askThroughAgent({ port: triangle.portalPort(person), app: 'wiki', path: '/pages/home' });
const recover = (...args: string[]) =>
  runTool(join(root, 'bin/posternctl'), ['recover', '--socket', triangle.adminSocket, ...args]);

t.test('locked out: by two bad versions, and without a device', async (t) => {
  t.equal((await ask('emil')).status, 200);
  const forbid = { id: 'nobody', text: '@id("nobody")\nforbid (principal, action, resource);\n' };
  const { files } = await admin.policy({ query: {} });
  await admin.publishPolicy({ body: { files: [...files, forbid], message: 'locked', evenIfItLocksOut: true } });
  await admin.publishPolicy({ body: { files: [forbid], message: 'locked twice', evenIfItLocksOut: true } });
  const { items } = await admin.devices({ query: {} });
  const admins = items.filter(({ person }) => person !== 'emil');
  t.ok(admins.length >= 2);
  for (const { id } of admins) await admin.setDeviceState({ params: { id }, body: { state: 'gone' } });
  for (const person of ['emil', 'olivia', 'audrey'] as const) t.not((await ask(person)).status, 200, person);
  await t.rejects(triangle.signIn('olivia'), { code: 'device-suspended' });
});

t.test('one command, whole or not at all', async (t) => {
  const version = async () => (await admin.policy({ query: {} })).version.epoch;
  const open = async () => (await admin.invitations({})).items.filter(({ state }) => state === 'open').length;
  const [before, invitations] = [await version(), await open()];
  const silent = await recover('olivia');
  t.equal(silent.code, 1);
  t.match(silent.stderr, /Say why, it is recorded: --reason/);
  t.match((await recover('audrey', '--reason', 'x')).stderr, /audrey is auditor, not an owner\. Owners: olivia\./);
  t.match((await recover('olivia', '--policy', '99', '--reason', 'x')).stderr, /There is no policy version 99/);
  t.strictSame([await version(), await open()], [before, invitations], 'nothing was changed');

  const began = performance.now();
  const { code, stdout, stderr } = await recover('--reason', 'locked out by a bad policy');
  t.comment(`${stderr.trim()}\nthe command took ${Math.round(performance.now() - began)} ms`);
  t.equal(code, 0);
  t.match(stderr, new RegExp(`Policy version ${before + 1}, the same as ${before - 2}, is in force`));
  t.match(stderr, /gateway gw-main: applied/);

  // A new laptop.
  await triangle.end('agent-olivia', 'SIGTERM');
  renameSync(join(triangle.state.dir, 'agents/olivia/profile'), join(triangle.state.dir, 'agents/olivia/lost'));
  await enrolDevice(triangle, 'olivia', stdout.trim());
  await triangle.start('agent-olivia');
  await triangle.signIn('olivia');
  await untilItWorks(async () => {
    const { status, text } = await ask('olivia');
    if (status !== 200) throw new Error(text);
  });
  t.comment(`the owner is back in ${Math.round(performance.now() - began)} ms after the command was given`);
  await untilItWorks(async () => {
    if ((await ask('emil')).status !== 200) throw new Error('the employee is still out');
  });
});

t.test('the log shows it', async (t) => {
  const { records } = await admin.records({ query: { person: 'olivia', kind: 'admin', limit: 20 } });
  t.match(
    records.find(({ event }) => event === 'recovered'),
    { actor: 'shell', because: 'locked out by a bad policy', details: { lifted: false, invitation: /^inv_/ } },
  );
  const { records: policies } = await admin.records({ query: { kind: 'policy', limit: 5 } });
  t.match(policies[0], {
    actor: 'shell',
    because: 'locked out by a bad policy',
    event: 'rolled-back',
  });
  const again = await recover('olivia', '--reason', 'to look', '--json');
  t.match(JSON.parse(again.stdout), { person: 'olivia', lifted: false, hasFactors: true }, 'with nothing to roll back');
  t.equal(JSON.parse(again.stdout).sameAs, undefined);
});
