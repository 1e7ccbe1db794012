/** The admin session of `posternctl login`, in a file of this user alone; one per socket. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';

function fileOf(socket: string, env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  const name = sha256(resolve(socket)).toString('hex').slice(0, 16);
  return join(base, 'postern', 'admin', `${name}.token`);
}

/** Undefined when nobody has signed in. A token that has ended is still sent: acting as another is not done by itself. */
export function readToken(socket: string): string | undefined {
  try {
    return readFileSync(fileOf(socket), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PosternError('invalid-config', `cannot read ${fileOf(socket)}: ${(error as Error).message}`);
  }
}

export function writeToken(socket: string, token: string): void {
  const file = fileOf(socket);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${token}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** Returns whether there was one. */
export function removeToken(socket: string): boolean {
  const was = readToken(socket) !== undefined;
  rmSync(fileOf(socket), { force: true });
  return was;
}
