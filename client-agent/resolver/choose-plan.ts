/** Which way this system has to ask one server for one zone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { Plan, Wanted } from './plan.ts';
import { planNrpt } from './plan-nrpt.ts';
import { planResolved } from './plan-resolved.ts';
import { planResolverFiles } from './plan-resolver-files.ts';
import type { System } from './system.ts';

/** Throws `invalid-config` where there is no such way, saying what to do. */
export async function choosePlan(system: System, wanted: Wanted): Promise<Plan> {
  const { platform } = system;
  if (platform === 'darwin') return planResolverFiles(wanted);
  if (platform === 'win32') return planNrpt(wanted);
  if (platform !== 'linux') throw new PosternError('invalid-config', `no way is known to split DNS on ${platform}`);
  const answers = await system.run(['resolvectl', 'default-route']);
  if (answers.code !== 0) {
    const { host, port } = wanted.server;
    const why = `systemd-resolved does not answer here (${answers.said}). With another resolver, send these zones to ${host} port ${port} in its own configuration (dnsmasq: server=/${wanted.zones[0]}/${host}#${port}).`;
    throw new PosternError('invalid-config', why);
  }
  return planResolved(wanted, (await hasDummy(system)) ? 'dummy' : 'veth');
}

async function hasDummy(system: System): Promise<boolean> {
  if (existsSync(join(system.root, 'sys/module/dummy'))) return true;
  return (await system.run(['modinfo', 'dummy'])).code === 0;
}
