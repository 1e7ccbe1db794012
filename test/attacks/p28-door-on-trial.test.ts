/** P28: a confirmation that fails half-way never leaves a door that the kernel forgets and nobody puts back. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { KernelEntrance } from '#shared/wire/doors/kernel-entrance.ts';

/** Speaks as `nft -i` does, keeps what it was told, and refuses to change anything while `refuse` is there. */
const script = (dir: string) => `#!/bin/sh
[ "$1" = monitor ] && exec sleep 1000
while read -r line; do
  case "$line" in
    describe*) echo 'payload expression, datatype integer (integer), 8 bits';;
    list*) cat '${dir}/table';;
    'add table'*'; table '*)
      if [ -e '${dir}/refuse' ]; then echo 'Error: Could not process rule: No space left on device'
      else printf '%s\\n' "$line" >> '${dir}/told'; echo 'table inet ours' > '${dir}/table'; fi;;
  esac
done
`;

async function onTrial(t: Test) {
  const dir = t.testdir({ bin: {}, table: '', told: '' });
  const nft = join(dir, 'bin/nft');
  writeFileSync(nft, script(dir));
  chmodSync(nft, 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${join(dir, 'bin')}:${path}`;
  t.teardown(() => {
    process.env['PATH'] = path;
  });
  const entrance = new KernelEntrance({
    dir,
    role: 'gateway',
    host: '127.0.0.1',
    ports: { mutual: 4443 },
    knockPorts: [49_871],
    openSeconds: 10,
    preludePort: 0,
    hasPrelude: false,
    clock: systemClock,
    log: silentLog,
    tell: () => {},
    judge: async () => ({ judge: async () => ({ ok: false, reason: 'length' }), count: () => {} }),
  });
  await entrance.try(600_000);
  t.teardown(() => entrance.takeDown().catch(() => {}));
  entrance.cameIn();
  const last = () => readFileSync(join(dir, 'told'), 'utf8').trimEnd().split('\n').at(-1)!;
  const refuse = join(dir, 'refuse');
  return { entrance, last, refuse, note: join(dir, 'kernel-door.json') };
}

t.test('P28: the kernel refuses the confirmed door: the trial goes on, and can be confirmed again', async (t) => {
  const { entrance, last, refuse } = await onTrial(t);
  t.match(last(), /timeout 600s/);
  writeFileSync(refuse, '');
  await t.rejects(entrance.keep(), /No space left/);
  t.type(entrance.state().trialMs, 'number', 'it is told that it still ends');
  rmSync(refuse);
  await entrance.keep();
  t.notMatch(last(), /guarded/, 'a door that no timeout takes away');
  t.equal(entrance.state().trialMs, undefined);
  t.ok(entrance.isUp);
});

t.test('P28: the trial ends while it is confirmed: taken away, and said so', async (t) => {
  const { entrance, note } = await onTrial(t);
  const kept = entrance.keep();
  const down = entrance.takeDown();
  await t.rejects(kept);
  await down;
  t.notOk(entrance.isUp);
  t.equal(entrance.state().door, 'none');
  t.notOk(existsSync(note), 'nothing of it is noted');
});
