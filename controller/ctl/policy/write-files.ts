/** Writes several files so that each is whole, the old or the new: all are written beside their places before the first is moved. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** Into a directory that is there. */
export function writeFiles(dir: string, files: readonly NamedText[]): void {
  const temporary = (name: string) => join(dir, `.${name}.new`);
  try {
    for (const { name, text } of files) {
      const handle = openSync(temporary(name), 'w', 0o644);
      try {
        writeFileSync(handle, text);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
    }
    for (const { name } of files) renameSync(temporary(name), join(dir, name));
  } finally {
    for (const { name } of files) rmSync(temporary(name), { force: true });
  }
}
