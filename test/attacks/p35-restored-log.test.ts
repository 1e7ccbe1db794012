/** P35: a backup is put back under a gateway that keeps a checkpoint: one from which nothing is missing, and one that lost records. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { runTool } from '../support/journey-tools.ts';
import { sizeOf, startLogProcesses } from '../support/log-processes.ts';
import { root } from '../support/source-tree.ts';

const world = await startLogProcesses(t);
const { controller, gateway, ctl } = world;
const dir = t.testdir();

/** Of a controller that is stopped. */
async function restore(t: Test, from: string): Promise<void> {
  const done = await runTool(join(root, 'bin/postern-controller'), ['restore', '--dir', controller, '--from', from]);
  t.equal(done.code, 0, done.stderr);
  await world.startController();
}

const told = () =>
  untilItWorks(async () => {
    const known = await world.admin().knownLog();
    if (known.silent.length > 0) throw new Error('the gateway has not told yet');
    return known;
  }, 60_000);

/** Ends with 1 while there is evidence against the controller. */
const shown = () => runTool(join(root, 'bin/postern-gateway'), ['log', 'show', '--dir', gateway]);

t.test('P35 where nothing was lost the log goes on by the word of its gateways, and nobody is alarmed', async (t) => {
  const kept = await world.keepsMore();
  await world.stopController();
  const last = join(dir, 'last.db');
  copyFileSync(join(controller, 'controller.db'), last);
  await restore(t, last);
  t.match(await ctl(['log', 'key']), { code: 1, stderr: /restored/ });
  t.match(await told(), { held: 'restored', items: [{ source: 'gateway/gw-main', verdict: 'past' }] });
  t.match(await ctl(['log', 'resume', '--reason', 'nothing was lost']), { code: 0 });
  await world.keepsMore(sizeOf(kept));
  t.match(await shown(), { code: 0 });
});

t.test(
  'P35 where records were lost that a gateway knows of, only another log is signed, and it follows that',
  async (t) => {
    const backup = join(dir, 'backup.db');
    t.match(await ctl(['backup', backup, '--reason', 'test']), { code: 0 });
    const { checkpoint: early = '' } = await world.admin().logHead();
    await world.admin().putPerson({ params: { id: 'later' }, body: {} });
    const late = await world.keepsMore(sizeOf(early));
    await world.stopController();
    await restore(t, backup);
    t.match(await told(), { held: 'restored', items: [{ source: 'gateway/gw-main', verdict: 'beyond' }] });
    t.match(await ctl(['log', 'resume', '--reason', 'test']), { code: 1, stderr: /gateway\/gw-main/ });
    t.equal(world.kept()?.checkpoint, late, 'it was shown nothing, and keeps what it kept');
    t.match(await shown(), { code: 0 }, 'a declared restore is no alarm');
    t.match(await ctl(['log', 'new', '--reason', 'a day was lost']), { code: 0 });
    const opened = await untilItWorks(async () => {
      const { records } = await world.admin().records({ query: { kind: 'log,gateway', limit: 1000 } });
      const found = ['log-opened', 'log-replaced'].map((event) => records.find((record) => record.event === event));
      if (found.includes(undefined)) throw new Error('not told yet');
      return found;
    }, 60_000);
    t.match(opened, [
      { details: { known: { size: sizeOf(late) } } },
      { details: { by: 'declared', kept: { size: sizeOf(late) }, declared: [{ known: { size: sizeOf(late) } }] } },
    ]);
    t.match(world.kept(), { checkpoint: /log\/2\n/, former: [{ checkpoint: late }] });
    t.match(await shown(), { code: 0 });
  },
);
