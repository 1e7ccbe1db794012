/** Runs each program and reads each file at most once while it lives: several facts rest on the same outputs. */
import type { Exec, Host, Read } from './host.ts';

export function memoHost(host: Host): Host {
  const runs = new Map<string, Promise<Exec>>();
  const files = new Map<string, Promise<Read<Buffer>>>();
  return {
    ...host,
    exec: (file, args, timeoutMs) => once(runs, JSON.stringify([file, args]), () => host.exec(file, args, timeoutMs)),
    readFile: (path) => once(files, path, () => host.readFile(path)),
  };
}

function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}
