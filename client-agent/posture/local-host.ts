/** The real machine: fixed search path, no shell, the C locale, and a cap on everything that is read. */
import { execFile } from 'node:child_process';
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import type { OsName } from '#shared/contracts/posture.ts';
import { rememberFirstSeen } from './first-seen.ts';
import type { Exec, FileFacts, Host, NoRead, Read } from './host.ts';

const maxFile = 1024 * 1024;
const maxOutput = 4 * 1024 * 1024;
const defaultTimeoutMs = 8000;

const system32 = 'C:\\Windows\\System32';
/** Not the user's PATH: a program of the same name in a home directory must not answer for the system's own. */
const searchPath: Readonly<Record<OsName, readonly string[]>> = {
  linux: ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  macos: ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/libexec'],
  windows: [system32, `${system32}\\WindowsPowerShell\\v1.0`],
};
/** Names that programs need to find the user's session; nothing that loads code (LD_PRELOAD and the like) is passed. */
const passedEnv = ['HOME', 'USER', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS', 'DISPLAY', 'WAYLAND_DISPLAY'];
const passedEnvWindows = ['SystemRoot', 'SystemDrive', 'USERPROFILE', 'TEMP', 'APPDATA', 'LOCALAPPDATA'];

const osOf: Partial<Record<NodeJS.Platform, OsName>> = { linux: 'linux', darwin: 'macos', win32: 'windows' };

export interface LocalHostOptions {
  readonly clock: Clock;
  /** JSON file that keeps first-seen times over restarts; without it they live in memory. */
  readonly firstSeenFile?: string;
}

export function createLocalHost(options: LocalHostOptions): Host {
  const os = osOf[process.platform] ?? 'unknown';
  const dirs = os === 'unknown' ? [] : searchPath[os];
  const env = childEnv(os, dirs);
  return {
    os,
    uid: process.geteuid?.(),
    env: process.env,
    now: () => options.clock.now(),
    readFile: (path) => reading(() => readCapped(path)),
    readdir: (path) => reading(() => readdir(path)),
    stat: (path) => reading(async () => fileFacts(await stat(path))),
    lstat: (path) => reading(async () => fileFacts(await lstat(path))),
    exec: async (file, args, timeoutMs = defaultTimeoutMs) => {
      const found = isAbsolute(file) ? file : await findProgram(dirs, os === 'windows' ? `${file}.exe` : file);
      return found === undefined ? { ran: false, why: 'missing' } : await run(found, args, timeoutMs, env);
    },
    firstSeen: rememberFirstSeen(options.clock, options.firstSeenFile),
  };
}

function childEnv(os: Host['os'], dirs: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {
    LC_ALL: 'C',
    LANG: 'C',
    TZ: 'UTC',
    PATH: dirs.join(os === 'windows' ? ';' : ':'),
  };
  for (const name of os === 'windows' ? passedEnvWindows : passedEnv) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

async function findProgram(dirs: readonly string[], name: string): Promise<string | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return undefined;
  for (const dir of dirs) {
    const path = join(dir, name);
    const found = await reading(() => stat(path));
    if (found.ok && found.value.isFile()) return path;
  }
  return undefined;
}

function run(file: string, args: readonly string[], timeoutMs: number, env: Record<string, string>): Promise<Exec> {
  return new Promise((resolve) => {
    const options = {
      env,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxOutput,
      windowsHide: true,
    } as const;
    const child = execFile(file, [...args], { ...options, cwd: rootOf(file) }, (error, stdout, stderr) => {
      if (error === null) return resolve({ ran: true, code: 0, stdout, stderr });
      if (typeof error.code === 'number') return resolve({ ran: true, code: error.code, stdout, stderr });
      if (error.code === 'ENOENT') return resolve({ ran: false, why: 'missing' });
      if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return resolve({ ran: false, why: 'too-much' });
      resolve({ ran: false, why: error.killed ? 'timeout' : 'failed' });
    });
    // A program that waits for input must see its end, not hang until the timeout.
    child.stdin?.end();
    // A grandchild that keeps the pipes open would outlive the kill.
    const guard = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, timeoutMs + 200);
    child.once('close', () => clearTimeout(guard));
  });
}

/** The root directory, so that no relative file of the agent's working directory is ever picked up. */
function rootOf(file: string): string {
  return file.startsWith('/') ? '/' : 'C:\\';
}

/** Files of /proc and /sys say size 0, so the cap is on what is read, not on what is announced. */
async function readCapped(path: string): Promise<Buffer> {
  const file: FileHandle = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024));
      if (bytesRead === 0) return Buffer.concat(chunks);
      total += bytesRead;
      if (total > maxFile) throw new Error(`${path} is larger than ${maxFile} bytes`);
      chunks.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function fileFacts(stats: Stats): FileFacts {
  const { rdev } = stats;
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
    uid: stats.uid,
    mode: stats.mode & 0o7777,
    mtimeMs: stats.mtimeMs,
    size: stats.size,
    // glibc's encoding: minor in bits 0-7 and 20-31, major in bits 8-19.
    device: stats.isBlockDevice() ? `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}` : undefined,
  };
}

const whyOf: Readonly<Record<string, NoRead>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
};

async function reading<T>(read: () => Promise<T>): Promise<Read<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, why: whyOf[(error as NodeJS.ErrnoException).code ?? ''] ?? 'failed' };
  }
}
