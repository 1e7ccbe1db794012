/** Names of running programs. A name proves little (anyone can choose one): it is a hint about the device's own state. */
import type { Host } from './host.ts';
import { parseTasklist } from './windows/parse-tasklist.ts';

/** Linux cuts the names of processes at this length. */
const linuxNameLength = 15;

/** All names, or undefined when the list cannot be trusted to be whole. */
export async function listProcesses(host: Host): Promise<ReadonlySet<string> | undefined> {
  if (host.os === 'linux') return await listLinux(host);
  if (host.os === 'macos') {
    const run = await host.exec('ps', ['-axo', 'comm=']);
    return run.ran && run.code === 0 ? parsePs(run.stdout) : undefined;
  }
  if (host.os === 'windows') {
    const run = await host.exec('tasklist', ['/fo', 'csv', '/nh']);
    return run.ran && run.code === 0 ? parseTasklist(run.stdout) : undefined;
  }
  return undefined;
}

async function listLinux(host: Host): Promise<ReadonlySet<string> | undefined> {
  const entries = await host.readdir('/proc');
  // Without process 1 the kernel hides other users' processes (hidepid): absence would prove nothing.
  if (!entries.ok || !entries.value.includes('1')) return undefined;
  const names = new Set<string>();
  for (const pid of entries.value.filter((name) => /^\d+$/.test(name))) {
    const comm = await host.readFile(`/proc/${pid}/comm`);
    if (comm.ok) names.add(comm.value.toString('utf8').trimEnd());
  }
  return names;
}

/** `ps -axo comm=`: one path or name per line. The first process of macOS must be among them. */
export function parsePs(output: string): ReadonlySet<string> | undefined {
  const names = output.split('\n').flatMap((line) => line.trim().split('/').at(-1) || []);
  return names.includes('launchd') ? new Set(names) : undefined;
}

/** Whether `name` runs: cut where Linux cuts, with or without `.exe` and in any case on Windows. */
export function isRunning(host: Host, names: ReadonlySet<string>, name: string): boolean {
  if (host.os === 'linux') return names.has(name.slice(0, linuxNameLength));
  if (host.os !== 'windows') return names.has(name);
  const lower = name.toLowerCase();
  return names.has(lower) || names.has(`${lower}.exe`);
}
