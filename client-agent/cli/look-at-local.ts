/** The legs of `postern doctor` on this device: the agent's local ports, and the names below `localhost`. */
import { lookup } from 'node:dns/promises';
import { get } from '#shared/base/node-http.ts';
import { findPortOwner } from '#shared/wire/port-owner.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { type OwnerCheckParts, systemOwnerParts } from '../from-apps/owner-check.ts';
import { realName } from './words.ts';

const limitMs = 2000;
const fix = 'Start the agent again: postern down; postern up';

export async function lookAtLocal({ local, pid }: ControlStatus): Promise<DoctorLine[]> {
  // Real names have lines of their own (look-at-names.ts).
  const ports = local
    .filter(({ name }) => !name.startsWith(realName))
    .map(({ name, address }) =>
      address.startsWith('http:') ? httpLine(`local ${name}`, address) : portLine(`local ${name}`, address, pid),
    );
  return Promise.all([ownershipLine(systemOwnerParts()), namesLine(), ...ports]);
}

/** P30: how the agent knows whose a local connection is. This command asks the same system as the agent does. */
export function ownershipLine({ platform, isOverflow }: Pick<OwnerCheckParts, 'platform' | 'isOverflow'>): DoctorLine {
  const name = 'whose local connections are';
  if (platform === 'linux' && !isOverflow) return { name, ok: true, detail: 'the kernel tells (/proc/net/tcp)' };
  if (platform === 'darwin') {
    const detail = 'lsof tells; this has not been tried on a real Mac';
    return { name, ok: undefined, detail, fix: 'If the agent refuses your own programs: postern client add' };
  }
  const why = isOverflow ? 'in this user namespace all users look alike' : `not told by ${platform}`;
  return {
    name,
    ok: undefined,
    detail: `${why}: the HTTP proxy and SOCKS want a password, everything else local is refused`,
    fix: 'Give your programs a password: postern client add',
  };
}

/** Browsers know `*.localhost` by themselves (RFC 6761 section 6.3); other programs ask the system. */
async function namesLine(): Promise<DoctorLine> {
  const name = 'names of *.localhost';
  try {
    const { address } = await lookup('postern.localhost');
    const ok = address === '::1' || address.startsWith('127.');
    const detail = `the system says ${address}`;
    return ok
      ? { name, ok, detail }
      : { name, ok, detail: `${detail}, which is not this device`, fix: 'Look at /etc/hosts.' };
  } catch {
    const detail =
      'the system does not know them; browsers and curl do by themselves, other programs use the HTTP proxy or SOCKS';
    return { name, ok: undefined, detail };
  }
}

/** Any answer but one will do: it comes only after the agent has seen that the connection is this user's. */
function httpLine(name: string, address: string): Promise<DoctorLine> {
  const { host, port, pathname } = new URL(address);
  return new Promise((resolve) => {
    const request = get(
      { host: '127.0.0.1', port: port || 80, path: pathname, headers: { host }, timeout: limitMs },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.once('end', () => resolve(answered(name, address, body)));
      },
    );
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ name, ok: false, detail: `${address}: ${error.code ?? error.message}`, fix }),
    );
  });
}

function answered(name: string, address: string, body: string): DoctorLine {
  if (!body.includes('"local-refused"')) return { name, ok: true, detail: address };
  return { name, ok: false, detail: `${address}: the agent cannot tell that this connection is yours` };
}

/** Not connected to: at the port of an app that would open a tunnel. */
async function portLine(name: string, address: string, pid: number): Promise<DoctorLine> {
  const owner = await findPortOwner(Number(address.slice(address.lastIndexOf(':') + 1)));
  if (owner === undefined) return { name, ok: undefined, detail: `${address}: who listens there cannot be told here` };
  if (owner.pid === pid) return { name, ok: true, detail: address };
  return { name, ok: false, detail: `${address} belongs to ${owner.name} (process ${owner.pid})`, fix };
}
