/**
 * What is known of accesses that stay open in the log although everybody has stopped: by the clients, the app, the logs of agents and
 * gateway, and the kernel. A connection in CLOSE-WAIT is one whose end its owner has not noticed.
 */
import { spawnSync } from 'node:child_process';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import type { SteeredTriangle } from '../support/steered-triangle.ts';
import type { LedgerApps } from './ledger-apps.ts';
import type { Load } from './load.ts';

export interface Witnesses {
  readonly triangle: SteeredTriangle;
  readonly load: Load;
  readonly apps: LedgerApps;
  /** Of the apps. */
  readonly ports: { readonly http: number; readonly tcp: number };
}

const maxAccesses = 3;
const maxLines = 8;
const maxSockets = 60;
const people: readonly PersonId[] = ['emil', 'olivia', 'audrey'];

export function tellOpen(open: readonly AccessRecord[], { triangle, load, apps, ports }: Witnesses): string[] {
  const processes = [...people.map((person) => `agent-${person}`), 'gateway'];
  const pids = processes.map((name) => `${name} is ${triangle.processes.pid(name) ?? 'gone'}`);
  return [
    `${open.length} accesses are open; of processes ${pids.join(', ')}`,
    ...open.slice(0, maxAccesses).flatMap((record) => {
      const { id, app, trace, time } = record;
      const path = record.request?.path ?? '';
      return [
        `${id} of ${app} ${path}, trace ${trace}, opened ${new Date(time).toISOString()}`,
        `  its client: ${load.fates.get(path) ?? 'no path, or it began none'}`,
        `  its app: ${apps.streams.get(path) ?? 'has taken no stream of that path'}`,
        ...processes.flatMap((name) => linesWith(triangle.logOf(name), trace).map((line) => `  ${name}: ${line}`)),
      ];
    }),
    ...sockets(namesOf(triangle, ports)),
  ];
}

function linesWith(log: string, trace: string): string[] {
  const lines = log.split('\n').filter((line) => line.includes(trace));
  return lines.slice(-maxLines).map((line) => line.slice(0, 500));
}

function namesOf(triangle: SteeredTriangle, ports: Witnesses['ports']): ReadonlyMap<string, string> {
  return new Map([
    ...people.map((person) => [String(triangle.portalPort(person)), `portal of ${person}`] as const),
    [String(triangle.ports.gateway), 'gateway'],
    [String(ports.http), 'app'],
    [String(ports.tcp), 'tcp app'],
  ]);
}

/** What the kernel says: state, bytes nobody has read or taken, both ends, whose it is. */
function sockets(names: ReadonlyMap<string, string>): string[] {
  const { stdout, error } = spawnSync('ss', ['-Htanp'], { encoding: 'utf8' });
  if (error !== undefined) return [`no ss, so nothing of connections: ${error.message}`];
  const told = stdout.split('\n').flatMap((line) => {
    const [state = '', unread, untaken, near = '', far = '', who = 'nobody'] = line.trim().split(/\s+/);
    const [from, to] = [near, far].map((place) => names.get(place.slice(place.lastIndexOf(':') + 1)) ?? place);
    if (state === 'LISTEN' || state === 'TIME-WAIT' || (from === near && to === far)) return [];
    return [`${state} ${from} - ${to}, ${unread} unread, ${untaken} untaken, of ${who}`];
  });
  return told.slice(0, maxSockets);
}
