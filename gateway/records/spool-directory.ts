/** The files of a spool directory: `<spool id>.spool`, and beside it `<spool id>.through` with what the controller has. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomId } from '#shared/base/bytes.ts';

const ending = '.spool';

export class SpoolDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  newSpool(): string {
    return `spl_${randomId(20)}`;
  }

  file(spool: string): string {
    return join(this.path, `${spool}${ending}`);
  }

  list(): string[] {
    const names = readdirSync(this.path).filter((name) => name.endsWith(ending));
    return names.map((name) => name.slice(0, -ending.length)).sort();
  }

  /** Bytes in use, by spool. A file that goes away meanwhile counts nothing. */
  sizes(): Map<string, number> {
    return new Map(
      this.list().map((spool) => [spool, statSync(this.file(spool), { throwIfNoEntry: false })?.size ?? 0]),
    );
  }

  /** The last sequence number that the controller confirmed. Losing it costs a second delivery, which changes nothing. */
  readThrough(spool: string): number {
    try {
      return Number(readFileSync(this.#throughFile(spool), 'utf8')) || 0;
    } catch {
      return 0;
    }
  }

  writeThrough(spool: string, seq: number): void {
    const file = this.#throughFile(spool);
    writeFileSync(`${file}.new`, String(seq), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  remove(spool: string): void {
    rmSync(this.file(spool), { force: true });
    rmSync(this.#throughFile(spool), { force: true });
  }

  #throughFile(spool: string): string {
    return join(this.path, `${spool}.through`);
  }
}
