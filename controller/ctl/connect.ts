/** The connection of one command to the admin API: which socket, under whose name, for what reason. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { adminContract, reasonHeader } from '#shared/contracts/admin-to-controller.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { readToken } from './token-file.ts';

export type AdminClient = Client<typeof adminContract>;

/** Options of every command. */
export const connectOptions: Readonly<Record<string, CliOption>> = {
  socket: { type: 'string', value: 'PATH', about: 'Admin socket; POSTERN_SOCKET or admin.sock of the state directory' },
  dir: { type: 'string', value: 'DIR', about: 'State directory of the controller (POSTERN_DIR)' },
  reason: { type: 'string', value: 'TEXT', about: 'Why: recorded with what you change' },
  shell: { type: 'boolean', about: 'Act as the owner at the shell, even when you are signed in' },
};

const usualDirs = ['/var/lib/postern-controller', '.postern/controller'];
const socketName = 'admin.sock';

export function findSocket({ values }: Pick<CliCall, 'values'>, env: NodeJS.ProcessEnv = process.env): string {
  const told = (values['socket'] as string | undefined) ?? env['POSTERN_SOCKET'];
  if (told) return told;
  const dir = (values['dir'] as string | undefined) ?? env['POSTERN_DIR'];
  if (dir) return join(dir, socketName);
  const known = usualDirs.map((place) => join(place, socketName));
  return known.find((path) => existsSync(path)) ?? known[0]!;
}

/** Runs `use` with a client and closes its connections. */
export async function withAdmin<T>(call: CliCall, use: (admin: AdminClient) => Promise<T>): Promise<T> {
  const socket = findSocket(call);
  if (!existsSync(socket)) {
    throw new PosternError(
      'unreachable',
      `there is no admin socket at ${socket}: is the controller running? (--socket)`,
    );
  }
  const token = call.values['shell'] === true ? undefined : readToken(socket);
  const reason = call.values['reason'] as string | undefined;
  const dispatcher = makeUnixDispatcher(socket);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Postern-Admin ${token}` }),
    ...(reason === undefined ? {} : { [reasonHeader]: encodeURIComponent(reason) }),
  };
  const client = callContract(adminContract, {
    dispatcher,
    origin: 'http://controller',
    headers: () => headers,
    timeoutMs: minute,
    maxAnswer: 64 * 1024 * 1024,
  });
  try {
    return await use(client);
  } finally {
    await dispatcher.destroy();
  }
}
