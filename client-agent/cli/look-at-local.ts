/** The legs of `postern doctor` on this device: the agent's local ports, and the names below `localhost`. */
import { lookup } from 'node:dns/promises';
import { get } from '#shared/base/node-http.ts';
import { findPortOwner } from '#shared/wire/port-owner.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { type OwnerCheckParts, systemOwnerParts } from '../from-apps/owner-check.ts';

const limitMs = 2000;
const fix = 'Start the agent again: postern down; postern up';

export async function lookAtLocal({ local, pid }: ControlStatus): Promise<DoctorLine[]> {
  const ports = local.map(({ name, address }) =>
    address.startsWith('http:') ? httpLine(`local ${name}`, address) : portLine(`local ${name}`, address, pid),
  );
  const resolver = local.some(({ name }) => name === 'dns') ? await resolverLines() : [];
  return [...(await Promise.all([ownershipLine(systemOwnerParts()), namesLine(), ...ports])), ...resolver];
}

/** Private DNS: by the answer that the system's resolver gives, since rules alone say nothing of what it does. */
async function resolverLines(): Promise<DoctorLine[]> {
  const { journalPath, readJournal } = await import('../resolver/change-journal.ts');
  const { answersForZone } = await import('../resolver/system-answers.ts');
  const again =
    'See: postern dns status. Set it up again: sudo postern dns uninstall; sudo postern dns install --zone ...';
  let journal: ReturnType<typeof readJournal>;
  try {
    journal = readJournal(journalPath(process.platform));
  } catch (error) {
    return [{ name: 'system DNS', ok: false, detail: (error as Error).message, fix: again }];
  }
  if (journal === undefined) {
    const detail =
      "the system's resolver does not ask the agent: names of apps are known to those who ask it themselves";
    return [{ name: 'system DNS', ok: undefined, detail, fix: 'sudo postern dns install --zone ...' }];
  }
  return await Promise.all(
    journal.zones.map(async (zone) => {
      const name = `system DNS of ${zone}`;
      const answers = await answersForZone(zone);
      const detail = `by ${journal.how}`;
      if (answers === undefined) return { name, ok: undefined, detail: `${detail}; what it does cannot be asked here` };
      return answers
        ? { name, ok: true, detail }
        : { name, ok: false, detail: `${detail}: the agent is not reached`, fix: again };
    }),
  );
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
