/** What an auditor takes along: a checkpoint that nothing writes over, and answers that a program can read when it does not hold. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.test('a checkpoint that was kept is never written over, and is told by its own size', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const file = join(controller.dir, 'kept.checkpoint');
  const made = await ctl(['log', 'key', '--checkpoint', file]);
  const kept = readFileSync(file, 'utf8');
  t.match(made, { code: 0, err: new RegExp(`kept.checkpoint: its checkpoint of ${kept.split('\n')[1]} leaves`) });
  t.equal(statSync(file).mode & 0o777, 0o600);
  await ctl(['group', 'set', 'friends', '--reason', 'the log goes on']);
  t.match(await ctl(['log', 'key', '--checkpoint', file]), { code: 1, err: /is there already: name another file/ });
  t.equal(readFileSync(file, 'utf8'), kept);
  t.match(await ctl(['log', 'key', '--checkpoint', join(controller.dir, 'none', 'x')]), { code: 1, err: /ENOENT/ });

  const folder = join(controller.dir, 'bundle');
  mkdirSync(folder);
  writeFileSync(join(folder, 'checkpoint'), kept);
  const key = (await ctl(['log', 'key'])).out.trim();
  t.match(await ctl(['log', 'verify', '--key', key, '--from', folder]), { code: 0, out: /goes on from 1 checkpoint/ });
});

t.test('what does not hold is told in JSON too, and what is no log in a folder is told as that', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const key = (await ctl(['log', 'key'])).out.trim();
  const cut = join(controller.dir, 'cut.tlog-proof');
  writeFileSync(cut, 'c2sp.org/tlog-proof@v1\nindex 3\n');
  const judged = await ctl(['log', 'check-proof', cut, '--key', key, '--json']);
  t.equal(judged.code, 1);
  t.match(JSON.parse(judged.out), { holds: false, why: /no checkpoint/ });
  t.match(await ctl(['log', 'check-proof', cut, '--key', 'nothing']), {
    code: 2,
    err: /--key nothing: neither a public key of a log nor a file/,
  });
  const lines = join(controller.dir, 'all.jsonl');
  t.equal((await ctl(['log', 'export', lines])).code, 0);
  t.ok(existsSync(lines));
  t.match(await ctl(['log', 'verify', '--files', lines, '--key', key]), {
    code: 2,
    err: /posternctl log snapshot DIR/,
  });
});
