/**
 * P18: a gateway with two workers is killed at random moments around the use of grants for one use, and started again; each grant is
 * presented before, meanwhile and after, several times over. The app counts. POSTERN_ONCE_MOMENTS=100 is the long form.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { randomId } from '#shared/base/bytes.ts';
import { systemClock } from '#shared/base/clock.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { useFolderOf } from '../../gateway/records/use-files.ts';
import { joinController } from '../../gateway/to-controller/join.ts';
import { makeDice } from '../chaos/dice.ts';
import { startFakeController } from '../support/fake-controller.ts';
import { httpApp, startWebApp } from '../support/gateway-apps.ts';
import { ask } from '../support/gateway-client.ts';
import { gatewayId, makeWorld } from '../support/gateway-world.ts';
import { descendantsOf } from '../support/process-tree.ts';
import { root } from '../support/source-tree.ts';

const moments = Number(process.env['POSTERN_ONCE_MOMENTS'] ?? 5);
const seed = process.env['POSTERN_SEED'] ?? randomId(8);
t.setTimeout(60_000 + moments * 15_000);
t.comment(`POSTERN_SEED=${seed} POSTERN_ONCE_MOMENTS=${moments} brings these moments back`);

const dice = makeDice(seed);
const app = await startWebApp();
const world = await makeWorld();
const device = await world.leaf('device', 'dev_00000001');
const controller = await startFakeController(world, [httpApp(app.port)]);
const dir = t.testdir({});
await joinController({ dir, invitation: controller.invitation, clock: systemClock });
// As if it had been there for long: else nothing that was issued before a start would be taken at all.
mkdirSync(useFolderOf(join(dir, 'spool')), { recursive: true });
const config = join(dir, 'config.yaml');
writeFileSync(
  config,
  JSON.stringify({
    dir,
    listen: { host: '127.0.0.1', port: 0 },
    workers: 2,
    workerConfirmMs: 20_000,
    keySets: { enabled: false },
    metrics: { enabled: false },
    log: { level: 'silent' },
  }),
);
let gateway: { readonly child: ChildProcess; readonly port: number } | undefined;
t.teardown(async () => {
  gateway?.child.kill('SIGKILL');
  await controller.stop();
  await app.stop();
});

async function start() {
  const child = spawn(process.execPath, ['gateway/main.ts', 'run', '--config', config, '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    // Not the variables of the tests, which a gateway would refuse as options it does not know.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTERN_'))),
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error('the gateway ended before it served');
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
  return { child, port: (JSON.parse(line) as { address: { port: number } }).address.port };
}

/** The primary, a worker or all of them at once; true when another primary must be started. */
async function killSome({ child }: { child: ChildProcess }): Promise<boolean> {
  const workers = descendantsOf(child.pid!);
  const victim = dice.pick(['primary', 'worker', 'all'] as const);
  const gone = victim === 'worker' ? undefined : once(child, 'exit');
  for (const pid of victim === 'worker' ? [dice.pick(workers)] : victim === 'all' ? workers : [])
    process.kill(pid, 'SIGKILL');
  if (victim !== 'worker') child.kill('SIGKILL');
  await gone;
  return victim !== 'worker';
}

const timesSeen = (path: string) => app.seen.filter(({ url }) => url === path).length;

t.test(`P18 ${moments} kills: at most once each`, async (t) => {
  gateway = await start();
  let lost = 0;
  let never = 0;
  for (let moment = 0; moment < moments; moment += 1) {
    const grants = Array.from({ length: 14 }, (_, index) => {
      const path = `/once/${moment}/${index}`;
      const exact = { method: 'GET', host: 'wiki.corp.example', path, query: '' };
      const exp = Math.floor(Date.now() / 1000) + 250;
      const rules = { v: 2 as const, exact, permits: [{ p: 0 }], forbids: [] };
      return { path, grant: world.grant(device, { use: 'once', aud: gatewayId, exp, rules }) };
    });
    const present = async ({ path, grant }: (typeof grants)[number]) => {
      // Whether it was let through: undefined where the answer was lost with the gateway.
      const sent = ask(world, device, gateway!.port, { path, grant }).catch(() => undefined);
      // A connection on its way to a worker that is killed is never answered.
      const answer = await Promise.race([sent, sleep(10_000, undefined, { ref: false })]);
      if (answer !== undefined && answer.status !== 200) t.equal(answer.code, 'grant-used', path);
      return answer?.status;
    };
    const [before, meanwhile, after] = [grants.slice(0, 3), grants.slice(3, 11), grants.slice(11)];
    t.same(await Promise.all(before.map(present)), [200, 200, 200]);
    const answers = [...meanwhile, ...before, ...meanwhile].map(present);
    await sleep(dice.below(40));
    const isDown = await killSome(gateway);
    const statuses = await Promise.all(answers);
    if (isDown) gateway = await start();
    // Where the last worker was killed before another was there, some wait in vain.
    const untilAnswered = (one: (typeof grants)[number]) =>
      untilItWorks(async () => {
        if ((await present(one)) === undefined) throw new Error(`no answer to ${one.path}`);
      }, 60_000);
    await Promise.all([...grants, ...grants, ...grants].map(untilAnswered));
    for (const { path } of [...before, ...meanwhile]) t.ok(timesSeen(path) <= 1, `${path} ${timesSeen(path)} times`);
    for (const { path } of before) t.equal(timesSeen(path), 1);
    for (const { path } of after) t.equal(timesSeen(path), 1, 'a start takes nothing from whoever had not used it');
    lost += statuses.filter((status) => status === undefined).length;
    never += grants.filter(({ path }) => timesSeen(path) === 0).length;
  }
  t.comment(`${lost} answers were lost with a process; ${never} grants were used up and their request never arrived`);
});
