/** P35: whoever has the share to which checkpoints are appended has no say in where the controller writes, nor whether it starts. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startController } from '../../controller/wiring.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { silentLog } from '../../shared/base/log.ts';
import { runController } from '../controller/support/run-controller.ts';

t.test('P35 a link, a pipe or a device in place of the file takes no checkpoint and is told', async (t) => {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  const file = join(controller.dir, 'anchors/share.jsonl');
  mkdirSync(join(controller.dir, 'anchors'));
  const victim = join(controller.dir, 'victim');
  writeFileSync(victim, 'precious');
  const places: [string, () => unknown, RegExp][] = [
    ['a link to a file of the controller', () => symlinkSync(victim, file), /symbolic link/],
    ['a link to nowhere', () => symlinkSync(join(controller.dir, 'nowhere'), file), /symbolic link/],
    ['a link to a device', () => symlinkSync('/dev/full', file), /symbolic link/],
    ['a pipe that nobody reads', () => execFileSync('mkfifo', [file]), /no file/],
    ['a folder', () => mkdirSync(file), /EISDIR|no file/],
  ];
  await admin.addLogAnchor({ body: { name: 'share', kind: 'file', everySeconds: 1 } });
  await untilItWorks(async () => {
    if ((await admin.logHead()).checkpoint === undefined) throw new Error('nothing is signed yet');
  });
  for (const [name, make, why] of places) {
    rmSync(file, { force: true, recursive: true });
    make();
    const { why: told } = await admin.tryLogAnchor({ params: { name: 'share' } });
    t.match(told, why, name);
  }
  t.equal(readFileSync(victim, 'utf8'), 'precious');
  rmSync(file, { force: true, recursive: true });
  t.match(await admin.tryLogAnchor({ params: { name: 'share' } }), { why: undefined });
});

t.test('P35 a pipe in its place holds up no start', async (t) => {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  await admin.addLogAnchor({ body: { name: 'share', kind: 'file' } });
  await controller.store.stop();
  await controller.stop();
  const file = join(controller.dir, 'anchors/share.jsonl');
  rmSync(file, { force: true });
  mkdirSync(join(controller.dir, 'anchors'), { recursive: true });
  execFileSync('mkfifo', [file]);
  const { config, clock } = controller;
  const starts = startController(config, { clock, log: silentLog, env: {} });
  t.teardown(async () => {
    // Whoever waits for the other end goes on, and the test with it.
    closeSync(openSync(file, constants.O_RDWR | constants.O_NONBLOCK));
    await (await starts).stop();
  });
  let running: Awaited<typeof starts> | undefined;
  void starts.then((started) => (running = started));
  await untilItWorks(async () => {
    if (running === undefined) throw new Error('it waits for whoever reads the pipe');
  });
  t.ok(running);
});
