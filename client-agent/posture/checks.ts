/** P31: admin-defined checks. They look; what they may run is on the device's own list; only the status leaves. */
import type { FactStatus, PostureCheck } from '#shared/contracts/posture.ts';
import { type AllowList, readAllowList, whyNotRoots } from './allow-list.ts';
import type { Host } from './host.ts';
import { memoHost } from './memo-host.ts';
import { isRunning, listProcesses } from './processes.ts';

export interface CollectedCheck {
  readonly id: string;
  readonly status: FactStatus;
  /** For this device's own portal and log; never sent. */
  readonly detail?: string;
  /** Of `host.now()`. */
  readonly measuredAt: number;
}

export interface RunChecksOptions {
  readonly host: Host;
  /** As sent by the controller, already checked against `postureCheck`. */
  readonly checks: readonly PostureCheck[];
  /** Absolute path; without it no command runs. */
  readonly allowListFile?: string;
  /** Per command, in ms. */
  readonly deadlineMs?: number;
}

type Outcome = readonly [status: FactStatus, detail?: string];

/** One entry for each check meant for this operating system, in their order. */
export async function runChecks(options: RunChecksOptions): Promise<CollectedCheck[]> {
  const host = memoHost(options.host);
  const mine = options.checks.filter((check) => check.os?.some((os) => os === host.os) ?? true);
  const list = mine.some((check) => check.kind === 'command') ? await readList(host, options) : undefined;
  return await Promise.all(
    mine.map(async (check) => {
      const [status, detail] = await runCheck(host, check, list, options.deadlineMs ?? 10_000);
      return { id: check.id, status, ...(detail === undefined ? {} : { detail }), measuredAt: host.now() };
    }),
  );
}

async function readList(host: Host, options: RunChecksOptions): Promise<AllowList> {
  const path = options.allowListFile;
  return path === undefined ? { ok: false, why: 'this device has no allow-list' } : await readAllowList(host, path);
}

async function runCheck(
  host: Host,
  check: PostureCheck,
  list: AllowList | undefined,
  deadlineMs: number,
): Promise<Outcome> {
  try {
    if (check.kind === 'command') return await runCommand(host, check.command, list, deadlineMs);
    if (check.kind === 'process-running') return await lookForProcess(host, check.process);
    return await lookForFile(host, check.path, check.kind);
  } catch (error) {
    return ['unknown', error instanceof Error ? error.message : String(error)];
  }
}

async function lookForFile(host: Host, path: string, kind: 'file-exists' | 'file-absent'): Promise<Outcome> {
  const found = await host.lstat(path);
  if (!found.ok && found.why !== 'missing') return ['unknown', `${path} cannot be looked at`];
  return [found.ok === (kind === 'file-exists') ? 'pass' : 'fail'];
}

async function lookForProcess(host: Host, name: string): Promise<Outcome> {
  const names = await listProcesses(host);
  if (names === undefined) return ['unknown', 'the list of processes is hidden'];
  return [isRunning(host, names, name) ? 'pass' : 'fail'];
}

async function runCommand(host: Host, name: string, list: AllowList | undefined, deadlineMs: number): Promise<Outcome> {
  if (!list?.ok) return ['unknown', list?.why ?? 'this device has no allow-list'];
  const command = list.commands.get(name);
  if (command === undefined) return ['unknown', `"${name}" is not on this device's allow-list`];
  const changeable = await whyNotRoots(host, command.file);
  if (changeable !== undefined) return ['unknown', changeable];
  const run = await host.exec(command.file, command.args, deadlineMs);
  if (!run.ran) return ['unknown', `"${name}" could not be run (${run.why})`];
  return [run.code === 0 ? 'pass' : 'fail'];
}
