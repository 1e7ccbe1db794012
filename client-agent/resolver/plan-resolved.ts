/**
 * systemd-resolved routes by link: a link of our own, which carries no traffic, says that names of the zones are asked of the agent
 * (systemd's RESOLVED-VPNS.md). All of it lives in memory and is gone after a restart of the machine. Pure.
 */
import type { Plan, Step, Wanted } from './plan.ts';

export const linkName = 'postern0';
/** resolved takes a link into account that has an address which is not the host's alone; nobody is ever sent to this one. */
const linkAddress = '127.77.53.1/32';

/** `dummy` links are in every distribution's kernel; `veth`, with a second end of no use, is in those of small virtual machines too. */
export type LinkKind = 'dummy' | 'veth';

export function planResolved({ zones, server }: Wanted, kind: LinkKind): Plan {
  const set = (...words: [string, ...string[]]): Step => ({ kind: 'run', command: ['resolvectl', ...words] });
  const link: [string, ...string[]] = ['ip', 'link', 'add', linkName, 'type', kind];
  if (kind === 'veth') link.push('peer', 'name', `${linkName}p`);
  const steps: Step[] = [
    { kind: 'run', command: link, undo: ['ip', 'link', 'del', linkName] },
    { kind: 'run', command: ['ip', 'addr', 'add', linkAddress, 'scope', 'global', 'dev', linkName] },
    ...(kind === 'veth' ? [up(`${linkName}p`)] : []),
    up(linkName),
    // Before any server: it must never be one for everything.
    set('default-route', linkName, 'false'),
    set('domain', linkName, ...zones.map((zone) => `~${zone}`)),
    set('dns', linkName, `${server.host}:${server.port}`),
    // The zone is signed by nobody; for a zone below a signed one resolved would refuse it.
    set('dnssec', linkName, 'no'),
    set('dnsovertls', linkName, 'no'),
    set('llmnr', linkName, 'no'),
    set('mdns', linkName, 'no'),
  ];
  return { how: 'systemd-resolved', steps, absent: [`/sys/class/net/${linkName}`] };
}

const up = (name: string): Step => ({ kind: 'run', command: ['ip', 'link', 'set', name, 'up'] });
