/** What somebody keeps is never written over: an old checkpoint is what a rewritten log is found out by. */
import { writeFileSync } from 'node:fs';
import { PosternError } from './errors.ts';

/** For the owner's eyes only. Throws `bad-request` for a file that is there already or cannot be written, and names it. */
export function writeNewFile(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already: name another file' : `cannot be written: ${code}`;
    throw new PosternError('bad-request', `${file} ${why}`, { cause });
  }
}
