/** P35: a restore and an `init` killed at any moment leave a store that a controller can start from, or none at all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { databaseName } from '../../controller/init.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { findSettings } from '../../controller/store/settings.ts';
import { root } from '../support/source-tree.ts';

t.setTimeout(240_000);

/** Runs it to its end, or kills it `afterMs`. Returns whether it came to its end. */
async function command(args: readonly string[], afterMs?: number): Promise<boolean> {
  const child = spawn(process.execPath, ['controller/main.ts', ...args], { cwd: root, stdio: 'ignore' });
  const exit = once(child, 'exit');
  if (afterMs !== undefined) {
    await Promise.race([exit, sleep(afterMs, undefined, { ref: false })]);
    child.kill('SIGKILL');
  }
  const [code] = (await exit) as [number | null];
  return code === 0;
}

const organisation = async (file: string) => {
  const store = await openStore(file);
  const settings = await findSettings(store.db);
  await store.stop();
  return settings?.organisation;
};

t.test('init, killed, is done again or is done', async (t) => {
  const dir = join(t.testdir(), 'state');
  const init = ['init', '--dir', dir, '--organisation', 'Test', '--trust-domain', 'test.example', '--owner', 'olga'];
  const began = performance.now();
  for (let part = 1; part <= 4; part++) {
    // From before its first file to about its end, as long as it takes on this machine.
    if (await command(init, part * 250)) break;
  }
  await command(init);
  t.equal(await organisation(join(dir, databaseName)), 'Test');
  t.comment(`${Math.round(performance.now() - began)} ms`);

  t.test('restore, killed, leaves the former store or the restored one', async (t) => {
    const backup = join(t.testdir(), 'backup.db');
    const store = await openStore(join(dir, databaseName));
    store.backup(backup);
    await store.stop();
    for (let part = 1; part <= 6; part++) {
      await command(['restore', '--dir', dir, '--from', backup], part * 200);
      t.ok(existsSync(join(dir, databaseName)), 'there is a store');
      t.equal(await organisation(join(dir, databaseName)), 'Test');
    }
    t.ok(await command(['restore', '--dir', dir, '--from', backup]), 'and a restore works');
  });
});
