/**
 * Where the issuer of this device is trusted: the databases of Chromium and Firefox (NSS), which are this user's own, and the system's
 * store, which is root's. Linux; recorded commands, run by `certutil` of libnss3-tools and the system's own tool.
 */

import { X509Certificate } from 'node:crypto';
import { existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { System } from '../resolver/system.ts';

export interface Trusted {
  /** PEM. */
  readonly certificate: string;
  /** A file with it, for programs. */
  readonly file: string;
}

export interface StoreState {
  readonly store: string;
  /** Undefined where nothing can tell: `certutil` is not there. */
  readonly trusted: boolean | undefined;
}

/** Tells issuers of one device apart in lists, and is how they are found again. */
export const nameOf = ({ certificate }: Pick<Trusted, 'certificate'>): string =>
  `Postern ${sha256(new X509Certificate(certificate).raw).toString('hex').slice(0, 8)}`;

/** Directories of NSS databases of a home directory. Chromium's is made where there is none; Firefox makes its own. */
export function findNss(home: string): string[] {
  const chromium = join(home, '.pki/nssdb');
  const firefox = [
    '.mozilla/firefox',
    'snap/firefox/common/.mozilla/firefox',
    '.var/app/org.mozilla.firefox/.mozilla/firefox',
  ];
  const profiles = firefox.flatMap((place) => globSync(join(home, place, '*/cert9.db')));
  return [chromium, ...profiles.map((path) => path.slice(0, -'/cert9.db'.length))];
}

export async function trustInNss(system: System, home: string, trusted: Trusted): Promise<string[]> {
  const stores = findNss(home);
  for (const store of stores) {
    if (!existsSync(join(store, 'cert9.db'))) {
      mkdirSync(store, { recursive: true, mode: 0o700 });
      await must(system, ['certutil', '-N', '-d', `sql:${store}`, '--empty-password']);
    }
    // A name that is there already with another trust would be left as it is.
    await system.run(['certutil', '-D', '-d', `sql:${store}`, '-n', nameOf(trusted)]);
    await must(system, [
      'certutil',
      '-A',
      '-d',
      `sql:${store}`,
      '-n',
      nameOf(trusted),
      '-t',
      'C,,',
      '-i',
      trusted.file,
    ]);
  }
  return stores;
}

/** Names of the stores that had it. */
export async function distrustInNss(system: System, home: string, name: string): Promise<string[]> {
  const had: string[] = [];
  for (const store of findNss(home)) {
    if (!existsSync(join(store, 'cert9.db'))) continue;
    const { code } = await system.run(['certutil', '-D', '-d', `sql:${store}`, '-n', name]);
    if (code === 0) had.push(store);
  }
  return had;
}

export async function lookAtNss(system: System, home: string, name: string): Promise<StoreState[]> {
  const states: StoreState[] = [];
  for (const store of findNss(home)) {
    const there = existsSync(join(store, 'cert9.db'));
    const { code } = there ? await system.run(['certutil', '-L', '-d', `sql:${store}`, '-n', name]) : { code: 1 };
    states.push({ store, trusted: code === 127 ? undefined : code === 0 });
  }
  return states;
}

const systemStores = [
  { directory: 'usr/local/share/ca-certificates', update: ['update-ca-certificates'] },
  { directory: 'etc/pki/ca-trust/source/anchors', update: ['update-ca-trust'] },
] as const;

/** Throws `invalid-config` where no such store is known. */
export function systemStore({ root }: System): { readonly directory: string; readonly update: readonly [string] } {
  const found = systemStores.find(({ directory }) => existsSync(join(root, directory)));
  if (found === undefined)
    throw new PosternError('invalid-config', 'no store of trusted certificates is known on this system');
  return { directory: join(root, found.directory), update: found.update };
}

const fileIn = (directory: string, name: string): string =>
  join(directory, `${name.toLowerCase().replace(' ', '-')}.crt`);

export async function trustInSystem(system: System, trusted: Trusted): Promise<string> {
  const { directory, update } = systemStore(system);
  const path = fileIn(directory, nameOf(trusted));
  writeFileSync(path, trusted.certificate, { mode: 0o644 });
  await must(system, [...update]);
  return path;
}

/** False when it was not there. */
export async function distrustInSystem(system: System, name: string): Promise<boolean> {
  const { directory, update } = systemStore(system);
  const path = fileIn(directory, name);
  if (!existsSync(path)) return false;
  rmSync(path);
  await must(system, [...update]);
  return true;
}

export function lookAtSystem(system: System, name: string): StoreState {
  const { directory } = systemStore(system);
  const store = fileIn(directory, name);
  return { store, trusted: existsSync(store) };
}

async function must(system: System, command: [string, ...string[]]): Promise<void> {
  const { code, said } = await system.run(command);
  if (code === 0) return;
  const missing =
    code === 127 && command[0] === 'certutil' ? ' (Debian and Ubuntu: apt-get install libnss3-tools)' : '';
  throw new PosternError('internal', `"${command.join(' ')}" failed: ${said}${missing}`);
}
