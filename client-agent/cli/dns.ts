/** `postern dns install|status|uninstall|hold|restore`: the system's resolver asks the agent for its zones. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { stopOnSignals } from '#shared/base/lifecycle.ts';
import { createLog } from '#shared/base/log.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import { refusePublicSuffixes } from '../names/public-suffix.ts';
import { applyPlan, takeBack } from '../resolver/apply-plan.ts';
import { journalPath, readJournal } from '../resolver/change-journal.ts';
import { choosePlan } from '../resolver/choose-plan.ts';
import { holdResolver } from '../resolver/hold-resolver.ts';
import { installUnit, removeUnit, requireRootOnly } from '../resolver/hold-unit.ts';
import { isServing } from '../resolver/is-serving.ts';
import type { Wanted } from '../resolver/plan.ts';
import { type System, thisSystem } from '../resolver/system.ts';
import { answersForZone } from '../resolver/system-answers.ts';
import { answer } from './words.ts';

export async function installDns(call: CliCall, system: System = thisSystem): Promise<void> {
  requireRoot('install');
  const wanted = readWanted(call);
  await refusePublicSuffixes(wanted.zones);
  const plan = await choosePlan(system, wanted);
  if (system.platform !== 'linux') {
    await takeBack(system);
    await applyPlan(system, plan, wanted);
    answer(call, { how: plan.how, ...wanted }, () => {
      call.io.out(
        `${plan.how}: ${wanted.zones.join(', ')} is asked of ${nameOf(wanted)} until "postern dns uninstall".`,
      );
    });
    return;
  }
  if (!existsSync(join(system.root, 'run/systemd/system'))) {
    const why = 'systemd does not run here. As root, beside the agent: postern dns hold, with the same options';
    throw new PosternError('invalid-config', why);
  }
  const uid = await readUid(call, system);
  const node = realpathSync(process.execPath);
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  for (const file of [node, main]) requireRootOnly(file);
  await installUnit(system, { ...wanted, node, main, uid });
  answer(call, { how: plan.how, ...wanted, uid }, () => {
    call.io.out(`${plan.how}: while the agent of user ${uid} runs, ${wanted.zones.join(', ')} is asked of it.`);
    call.io.out('See: postern dns status. Take it back: sudo postern dns uninstall');
  });
}

export async function uninstallDns(call: CliCall, system: System = thisSystem): Promise<void> {
  requireRoot('uninstall');
  const hadUnit = await removeUnit(system);
  const taken = await takeBack(system);
  answer(call, { removed: hadUnit || taken !== undefined, left: taken?.left ?? [] }, () => {
    call.io.out(
      hadUnit || taken !== undefined ? 'The resolver is as it was.' : 'There was nothing of Postern to remove.',
    );
    for (const path of taken?.left ?? []) call.io.out(`${path} was changed by somebody else meanwhile: it is left.`);
  });
}

/** For the unit, and by hand after a crash where nothing starts `hold` again. */
export async function restoreDns(call: CliCall, system: System = thisSystem): Promise<void> {
  requireRoot('restore');
  const taken = await takeBack(system);
  answer(call, { restored: taken !== undefined }, () =>
    call.io.out(taken === undefined ? 'Nothing was changed.' : 'The resolver is as it was.'),
  );
}

export async function holdDns(call: CliCall, system: System = thisSystem): Promise<number> {
  requireRoot('hold');
  const wanted = readWanted(call);
  await refusePublicSuffixes(wanted.zones);
  const uid = await readUid(call, system);
  const plan = await choosePlan(system, wanted);
  const log = createLog('postern-dns', 'info');
  const serving = () => isServing(wanted.server, uid);
  const held = await holdResolver({ system, plan, wanted, isServing: serving, log });
  stopOnSignals(held, log);
  if (call.json) call.io.out(JSON.stringify({ ready: true, pid: process.pid, how: plan.how, ...wanted, uid }));
  // Looks at the agent until a signal ends it.
  return new Promise<number>(() => {});
}

/** 1 when names of the zones do not reach the agent. */
export async function showDns(call: CliCall, system: System = thisSystem): Promise<number> {
  const journal = readJournal(journalPath(system.platform, system.root));
  const isInstalled = existsSync(join(system.root, 'etc/systemd/system/postern-dns.service'));
  if (journal === undefined) {
    answer(call, { changed: false, installed: isInstalled }, () =>
      call.io.out(
        isInstalled
          ? 'Installed; the agent does not run, so the resolver is as it always is.'
          : 'Not installed: names of apps are not known to this system. See: postern dns install --help',
      ),
    );
    return isInstalled ? 1 : 0;
  }
  const { how, zones, server } = journal;
  const looks = await Promise.all(
    zones.map(async (zone) => ({
      zone,
      agent: await answersForZone(zone, nameOf(journal)),
      system: await answersForZone(zone),
    })),
  );
  answer(call, { changed: true, installed: isInstalled, how, server, zones: looks }, () => {
    call.io.out(`${how}: ${zones.join(', ')} is asked of ${nameOf(journal)}.`);
    for (const { zone, agent, system } of looks) {
      call.io.out(`${zone}: the agent ${words(agent)}; through the system's resolver it ${words(system)}`);
    }
  });
  return looks.some(({ agent, system }) => agent === false || system === false) ? 1 : 0;
}

const words = (answers: boolean | undefined): string =>
  answers === undefined ? 'cannot be asked from here' : answers ? 'answers' : 'does NOT answer';

const nameOf = ({ server }: Pick<Wanted, 'server'>): string => `${server.host}:${server.port}`;

function requireRoot(verb: string): void {
  if (process.platform === 'win32' || process.geteuid?.() === 0) return;
  const why = `changing the resolver needs root: sudo postern dns ${verb}. Without it your apps are at the addresses of "postern apps"`;
  throw new PosternError('invalid-config', why);
}

const zonePattern = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;
const serverPattern = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}:\d{1,5}$/;

/** Throws `bad-request`. One label alone would take a whole top-level domain away from everybody on this machine. */
function readWanted(call: CliCall): Wanted {
  const zones = ((call.values['zone'] as readonly string[] | undefined) ?? []).map((zone) => zone.toLowerCase());
  if (zones.length === 0 || zones.length > 8)
    throw new PosternError('bad-request', 'name one to eight zones: --zone sdp.example.com');
  for (const zone of zones) {
    if (!zonePattern.test(zone))
      throw new PosternError('bad-request', `${JSON.stringify(zone)} is no zone of two labels or more`);
    if (zone.endsWith('.local'))
      throw new PosternError('bad-request', '.local belongs to multicast DNS (RFC 6762): take another zone');
  }
  const server = (call.values['server'] as string | undefined) ?? '127.0.0.1:7053';
  if (!serverPattern.test(server))
    throw new PosternError('bad-request', '--server wants a loopback address and port: 127.0.0.1:7053');
  return { zones, server: splitAddress(server) };
}

/** Whose agent: `--uid`, else who called sudo. */
async function readUid(call: CliCall, system: System): Promise<number> {
  const given = (call.values['uid'] as string | undefined) ?? process.env['SUDO_UID'] ?? '';
  const user = call.values['user'] as string | undefined;
  if (user === undefined && /^\d{1,10}$/.test(given)) return Number(given);
  if (user === undefined) throw new PosternError('bad-request', 'say whose agent it is: --user NAME');
  const { code, said } = await system.run(['id', '-u', '--', user]);
  if (code !== 0 || !/^\d{1,10}$/.test(said)) throw new PosternError('bad-request', `there is no user ${user}`);
  return Number(said);
}
