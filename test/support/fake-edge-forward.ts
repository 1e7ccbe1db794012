/** Makes a stopped agent believe that its controller is at other addresses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Replaces `from` by `to` in the stored enrolment; returns the directory. */
export function forwardTo(dir: string, from: string, ...to: readonly string[]): string {
  const file = join(dir, 'enrolment.json');
  const enrolment = JSON.parse(readFileSync(file, 'utf8')) as { controllers: string[] };
  enrolment.controllers = enrolment.controllers.flatMap((one) => (one === from ? to : [one]));
  writeFileSync(file, JSON.stringify(enrolment), { mode: 0o600 });
  return dir;
}
