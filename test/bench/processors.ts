/** Which processors the parts of a benchmark run on, and how much of them a process used. Linux only, as the competitors are. */
import { readdirSync, readFileSync } from 'node:fs';

/** `server`: what is measured has it to itself. `load`: clients, apps and everything else. The same one when there is only one. */
export function processors(): { readonly server: string; readonly load: string } {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const allowed = list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const server = allowed[0] ?? 0;
  return { server: String(server), load: allowed.length > 1 ? allowed.slice(1).join(',') : String(server) };
}

/** Nanoseconds of processor time that the processes have used, all their threads included. */
export function cpuNanos(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
    }
  }
  return sum;
}

/** Milliseconds of the clock that all processes of the machine share and nobody can set. */
export const steadyMs = (): number => Number(process.hrtime.bigint()) / 1e6;
