/**
 * P31: commands that a check may run, as the device's own administrator wrote them: one JSON object
 * `{"<name>": {"file": "/absolute/path", "args": ["fixed", "arguments"]}}`. Exit code 0 is a pass.
 *
 * Only a file that nobody but root can change is believed, together with every directory above it: else any program of the
 * user could have the agent (which may be root) run what it likes.
 */
import { posix } from 'node:path';
import type { Host } from './host.ts';
import { readJsonObject } from './read-json-object.ts';

export interface AllowedCommand {
  readonly file: string;
  readonly args: readonly string[];
}
export type AllowList =
  | { readonly ok: true; readonly commands: ReadonlyMap<string, AllowedCommand> }
  | { readonly ok: false; readonly why: string };

const writableByOthers = 0o022;
const sticky = 0o1000;

export async function readAllowList(host: Host, path: string): Promise<AllowList> {
  // Windows says who may write in access lists, which are not read here: no commands there.
  if (host.uid === undefined) return { ok: false, why: 'commands are not supported on this operating system' };
  const owned = await whyNotRoots(host, path);
  if (owned !== undefined) return { ok: false, why: owned };
  const read = await host.readFile(path);
  const commands = read.ok ? parseAllowList(read.value.toString('utf8')) : undefined;
  return commands === undefined ? { ok: false, why: 'the allow-list cannot be read' } : { ok: true, commands };
}

/** Why somebody but root could change what is at `path`, or undefined if nobody could. */
export async function whyNotRoots(host: Host, path: string): Promise<string | undefined> {
  if (!posix.isAbsolute(path) || posix.normalize(path) !== path) return `${path} is not a plain absolute path`;
  // A symbolic link is refused in the last part; in a directory above, only root could have put it there.
  const file = await host.lstat(path);
  if (!file.ok || file.value.kind !== 'file') return `${path} is not a file`;
  if (file.value.uid !== 0 || (file.value.mode & writableByOthers) !== 0)
    return `${path} can be changed by others than root`;
  for (let dir = posix.dirname(path); ; dir = posix.dirname(dir)) {
    const facts = await host.stat(dir);
    if (!facts.ok || facts.value.kind !== 'directory') return `${dir} is not a directory`;
    const { uid, mode } = facts.value;
    // In a sticky directory others cannot replace what root owns.
    if (uid !== 0 || ((mode & writableByOthers) !== 0 && (mode & sticky) === 0)) {
      return `${dir} can be changed by others than root`;
    }
    if (dir === '/') return undefined;
  }
}

export function parseAllowList(text: string): ReadonlyMap<string, AllowedCommand> | undefined {
  const parsed = readJsonObject(text);
  if (parsed === undefined) return undefined;
  const commands = new Map<string, AllowedCommand>();
  for (const [name, entry] of Object.entries(parsed)) {
    const { file, args = [] } = typeof entry === 'object' && entry !== null ? entry : {};
    if (typeof file !== 'string' || !posix.isAbsolute(file) || file.includes('\0')) return undefined;
    if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string' && !arg.includes('\0'))) return undefined;
    commands.set(name, { file, args });
  }
  return commands;
}
