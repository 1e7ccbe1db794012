/** Listening so that a failure says what to do: who has the port, whose socket file it is. */
import { chmod, lstat, unlink } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PosternError } from '../base/errors.ts';
import { describePortOwner } from './port-owner.ts';

/** A `net`, `tls`, `http` or `https` server, or a Fastify app (which must be told, so that its `close` closes the server). */
export type Listening = Server | FastifyInstance;

export interface TcpPlace {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Where it listens now. Throws `conflict` naming the owner of a taken port, `invalid-config` when it may not listen there. */
export async function listenTcp(target: Listening, { host, port }: TcpPlace): Promise<AddressInfo> {
  try {
    await start(target, { host, port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      const who = await describePortOwner(port);
      throw new PosternError('conflict', `port ${port} on ${host} is taken by ${who}`, { cause: error });
    }
    const advice = code === 'EACCES' ? 'this port needs more privilege' : message;
    throw new PosternError('invalid-config', `cannot listen on ${host} port ${port}: ${advice}`, { cause: error });
  }
  return serverOf(target).address() as AddressInfo;
}

/**
 * Listens on a Unix socket that only this user may use (P6). A socket file nobody listens on, as a killed process leaves
 * it, is removed; a live one and any other kind of file are refused with `conflict`.
 */
export async function listenUnix(target: Listening, path: string, mode = 0o600): Promise<void> {
  await removeDeadSocket(path);
  // The file must never be open to others, not even between bind and chmod.
  const before = process.umask(0o777 & ~mode);
  try {
    await start(target, { path });
  } catch (cause) {
    throw new PosternError('invalid-config', `cannot listen on ${path}: ${(cause as Error).message}`, { cause });
  } finally {
    process.umask(before);
  }
  await chmod(path, mode);
}

async function removeDeadSocket(path: string): Promise<void> {
  const facts = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new PosternError('invalid-config', `cannot look at ${path}: ${error.message}`, { cause: error });
  });
  if (facts === undefined) return;
  if (!facts.isSocket()) throw new PosternError('conflict', `${path} exists and is not a socket`);
  if (await isAlive(path)) throw new PosternError('conflict', `another process is already listening on ${path}`);
  await unlink(path);
}

/** Only "nobody listens" counts as dead; whatever else happens, somebody may be there. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function isApp(target: Listening): target is FastifyInstance {
  return 'ready' in target;
}

function serverOf(target: Listening): Server {
  return isApp(target) ? target.server : target;
}

async function start(target: Listening, place: TcpPlace | { path: string }): Promise<void> {
  if (isApp(target)) {
    await target.listen({ ...place, listenTextResolver: (address) => `listening at ${address}` });
    return;
  }
  await new Promise<void>((resolve, reject) => {
    target.once('error', reject);
    target.listen(place, () => {
      target.removeListener('error', reject);
      resolve();
    });
  });
}
