/** The programs a benchmark is measured beside. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Bench, Program } from './measure.ts';

const packages: Record<Program, string> = { taskset: 'util-linux', nginx: 'nginx', haproxy: 'haproxy' };

/** Throws what to install when one is missing. */
export function needPrograms({ name, needs = [] }: Bench): void {
  const missing = needs.filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const install = missing.map((program) => packages[program]).join(' ');
  throw new Error(`the benchmark ${name} needs ${missing.join(' and ')}: apt-get install ${install}`);
}

export function findProgram(program: Program): string | undefined {
  // Debian keeps servers where an ordinary user's PATH does not look.
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return places.map((place) => join(place, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
