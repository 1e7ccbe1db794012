/** A wall clock that a test can set forward, for processes started under libfaketime; their timers go on as they are. */
import { existsSync, globSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const places = [
  '/usr/lib/*/faketime/libfaketimeMT.so.1',
  '/usr/lib*/faketime/libfaketimeMT.so.1',
  '/usr/local/lib/faketime/libfaketimeMT.so.1',
];

export function findFaketime(): string | undefined {
  return places.flatMap((place) => globSync(place)).find((file) => existsSync(file));
}

/** The environment of a process whose clock is `hours` from the real one, until `setClock` says otherwise. */
export function fakedClock(library: string, hours: number): Record<string, string> {
  const file = join(mkdtempSync(join(tmpdir(), 'postern-clock-')), 'offset');
  writeOffset(file, hours);
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
}

export function clockFileOf(env: Readonly<Record<string, string | undefined>>): string {
  const file = env['FAKETIME_TIMESTAMP_FILE'];
  if (file === undefined) throw new Error('this process has no faked clock');
  return file;
}

/** From inside such a process, for all of them; resolves when this one sees it. */
export async function setClock(hours: number): Promise<void> {
  const before = Date.now();
  writeOffset(clockFileOf(process.env), hours);
  for (let look = 0; look < 100; look++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (Math.abs(Date.now() - before) > 60_000) return;
  }
  throw new Error('the clock did not move');
}

function writeOffset(file: string, hours: number): void {
  writeFileSync(file, `${hours < 0 ? '' : '+'}${hours * 3600}s\n`);
}
