/** Whoever makes a state directory must be whom it belongs to: what root leaves there its user cannot read. */
import { readFileSync, statSync } from 'node:fs';
import process from 'node:process';
import { PosternError } from './errors.ts';

/** Throws `invalid-config` where root would make files in the directory of another user; `command` is what that user runs instead. */
export function refuseForeignDirectory(
  dir: string,
  command: string,
  uid: number | undefined = process.getuid?.(),
): void {
  if (uid !== 0) return;
  const owner = statSync(dir, { throwIfNoEntry: false })?.uid ?? 0;
  if (owner === 0) return;
  const name = nameOf(owner);
  const run = name === undefined ? `as the user ${owner}: ${command}` : `sudo -u ${name} ${command}`;
  const whose = name === undefined ? `the user ${owner}` : name;
  throw new PosternError(
    'invalid-config',
    `${dir} belongs to ${whose}, who could not read what root makes there: ${run}`,
  );
}

function nameOf(uid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , id]) => id === String(uid))?.[0];
  } catch {
    // Users may be kept elsewhere; the number says as much.
    return undefined;
  }
}
