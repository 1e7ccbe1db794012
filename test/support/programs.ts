/** Whether the programs that tests meet are on this machine. */
import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** `/usr/sbin` is not on everybody's path; PostgreSQL's servers and systemd's are on nobody's. */
const morePlaces = ['/usr/sbin', '/usr/local/sbin', '/usr/lib/systemd', ...globSync('/usr/lib/postgresql/*/bin')];

/** The path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const place of [...(process.env['PATH'] ?? '').split(delimiter), ...morePlaces]) {
    try {
      accessSync(join(place, name), constants.X_OK);
      return join(place, name);
    } catch {
      // Not here.
    }
  }
  return undefined;
}

export interface Needs {
  readonly skip: string | false;
  readonly timeout: number;
}

/** For `t.test(name, needs('curl'), ...)`: skips with the name of what is missing. */
export function needs(...programs: readonly string[]): Needs {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  return { skip: missing.length > 0 && `not installed: ${missing.join(', ')}`, timeout: 240_000 };
}
