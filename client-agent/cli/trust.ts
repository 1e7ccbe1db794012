/** `postern trust install|status|uninstall`: browsers of this person take the certificates of this device's names; --system: everybody here. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CliCall } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { zonesOfLocalIssuer } from '#shared/crypto/local-issuer.ts';
import { refusePublicSuffixes } from '../names/public-suffix.ts';
import { thisSystem } from '../resolver/system.ts';
import {
  distrustInNss,
  distrustInSystem,
  lookAtNss,
  lookAtSystem,
  nameOf,
  type Trusted,
  trustInNss,
  trustInSystem,
} from '../trust/trust-stores.ts';
import { directoryOf } from './with-agent.ts';
import { answer } from './words.ts';

export async function installTrust(call: CliCall): Promise<void> {
  const trusted = await readIssuer(call);
  // Also of a file that is somebody else's, when root is asked: only what can certify names of its zones and nothing else.
  const zones = await zonesOfLocalIssuer(trusted.certificate);
  if (zones === undefined)
    throw new PosternError('invalid-config', `${trusted.file} is no issuer as this agent makes them`);
  await refusePublicSuffixes(zones);
  const stores = isSystem(call) ? [await trustInSystem(thisSystem, trusted)] : await trustHere(call, trusted);
  answer(call, { name: nameOf(trusted), zones, stores }, () => {
    call.io.out(`${nameOf(trusted)}, good for ${zones.join(', ')} alone, is trusted in:`);
    for (const store of stores) call.io.out(`  ${store}`);
    call.io.out('Browsers that run take it in when they start again. Take it back: postern trust uninstall');
  });
}

export async function uninstallTrust(call: CliCall): Promise<void> {
  const directory = await directoryOf(call);
  const names = new Set(readNames(directory));
  if (existsSync(certificateIn(directory))) names.add(nameOf(await readIssuer(call)));
  const stores: string[] = [];
  for (const name of names) {
    if (!isSystem(call)) stores.push(...(await distrustInNss(thisSystem, homedir(), name)));
    else if (await distrustInSystem(thisSystem, name)) stores.push('the system');
  }
  if (!isSystem(call)) writeNames(directory, []);
  answer(call, { removed: stores }, () =>
    call.io.out(stores.length === 0 ? 'Nothing of Postern is trusted here.' : `Removed from ${stores.join(', ')}.`),
  );
}

/** 1 when a store of this person's does not trust it. */
export async function showTrust(call: CliCall): Promise<number> {
  const trusted = await readIssuer(call);
  const states = await lookAtNss(thisSystem, homedir(), nameOf(trusted));
  const all = [...states, lookAtSystem(thisSystem, nameOf(trusted))];
  answer(call, { name: nameOf(trusted), stores: all }, () => {
    for (const { store, trusted } of all)
      call.io.out(`${trusted === undefined ? 'cannot tell' : trusted ? 'trusted    ' : 'not trusted'} ${store}`);
  });
  return states.every(({ trusted }) => trusted === true) ? 0 : 1;
}

async function trustHere(call: CliCall, trusted: Trusted): Promise<string[]> {
  const directory = await directoryOf(call);
  // Before it is done: what was begun can be taken back.
  writeNames(directory, [...new Set([...readNames(directory), nameOf(trusted)])]);
  return trustInNss(thisSystem, homedir(), trusted);
}

const isSystem = (call: CliCall): boolean => {
  if (call.values['system'] !== true) return false;
  if (process.geteuid?.() === 0) return true;
  throw new PosternError(
    'invalid-config',
    "the system's store needs root: sudo postern trust install --system --dir DIR",
  );
};

const certificateIn = (directory: string): string => join(directory, 'names-issuer.crt');
const namesIn = (directory: string): string => join(directory, 'names-trusted.json');

async function readIssuer(call: CliCall): Promise<Trusted> {
  const file = certificateIn(await directoryOf(call));
  if (!existsSync(file)) {
    throw new PosternError(
      'invalid-config',
      `${file} is not there: run the agent with local.realNames once (see the README, "Real names")`,
    );
  }
  return { file, certificate: readFileSync(file, 'utf8') };
}

function readNames(directory: string): string[] {
  if (!existsSync(namesIn(directory))) return [];
  const names: unknown = JSON.parse(readFileSync(namesIn(directory), 'utf8'));
  return Array.isArray(names)
    ? names.filter((name) => typeof name === 'string' && /^Postern [0-9a-f]{8}$/.test(name))
    : [];
}

const writeNames = (directory: string, names: readonly string[]): void =>
  writeFileSync(namesIn(directory), JSON.stringify(names), { mode: 0o600 });
