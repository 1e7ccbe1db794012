/**
 * A test file that had to be ended may leave processes behind that hold its output open: the run would wait for them for ever.
 * They carry the mark of the run in their environment, and their parent is gone.
 */
import { readdirSync, readFileSync } from 'node:fs';

const markName = 'POSTERN_TEST_RUN';

export const runMark = (): Readonly<Record<string, string>> => ({ [markName]: String(process.pid) });

/** Ends what this run has left without a parent, or with `all` whatever is left of it. Returns their commands. Linux only. */
export function endOrphans(all = false): string[] {
  const ended: string[] = [];
  for (const pid of pidsOf('/proc')) {
    try {
      const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${markName}=${process.pid}`);
      const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
      if (!isOurs || pid === process.pid || (parent !== 1 && !all)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      process.kill(pid, 'SIGKILL');
      ended.push(`${pid} ${command}`);
    } catch {
      // It has ended meanwhile.
    }
  }
  return ended;
}

function pidsOf(proc: string): number[] {
  try {
    return readdirSync(proc).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}
