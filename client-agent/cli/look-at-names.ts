/**
 * The lines of `postern doctor` on names of apps: whether the system's resolver asks the agent, and was put back; who has the addresses of real names;
 * until when this device's issuer is good, and who trusts it.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { day } from '#shared/base/clock.ts';
import { findPortOwner, listeningUid } from '#shared/wire/port-owner.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { type ChangeJournal, journalPath, readJournal } from '../resolver/change-journal.ts';
import { type System, thisSystem } from '../resolver/system.ts';
import { answersForZone } from '../resolver/system-answers.ts';
import { lookAtNss, lookAtSystem, nameOf, type StoreState } from '../trust/trust-stores.ts';
import { realName, span } from './words.ts';

export interface NamesPlace {
  /** Of the profile. */
  readonly directory: string;
  /** Where the agent listens; undefined while none runs. */
  readonly local: ControlStatus['local'] | undefined;
  readonly pid?: number;
  readonly system?: System;
  readonly home?: string;
}

/** None where nothing of it was ever set up. */
export async function lookAtNames(place: NamesPlace): Promise<DoctorLine[]> {
  const [resolver, issuer, real] = await Promise.all([resolverLines(place), issuerLines(place), realNameLines(place)]);
  return [...resolver, ...real, ...issuer];
}

const again =
  'See: postern dns status. Set it up again: sudo postern dns uninstall; sudo postern dns install --zone ...';

/** By the answer that the system's resolver gives, since rules alone say nothing of what it does. */
async function resolverLines({ local, system = thisSystem }: NamesPlace): Promise<DoctorLine[]> {
  const name = 'system DNS';
  let journal: ChangeJournal | undefined;
  try {
    journal = readJournal(journalPath(system.platform, system.root));
  } catch (error) {
    return [{ name, ok: false, detail: (error as Error).message, fix: again }];
  }
  const dns = local?.find(({ name }) => name === 'dns');
  if (journal === undefined) {
    if (dns === undefined) return [];
    const detail = `the system's resolver is as it always is and does not ask the agent (${dns.address}): names of apps are known to those who ask it themselves`;
    return [{ name, ok: undefined, detail, fix: 'sudo postern dns install --zone ...' }];
  }
  const { how, server, zones } = journal;
  if (dns === undefined) {
    const detail = `${how} sends ${zones.join(', ')} to ${server.host}:${server.port}, where no agent of this profile answers: it was not put back`;
    return [{ name, ok: false, detail, fix: 'Start the agent: postern up; or put it back: sudo postern dns restore' }];
  }
  return await Promise.all(
    zones.map(async (zone) => {
      const answers = await answersForZone(zone);
      const detail = `by ${how}, put back when the agent ends`;
      const line = { name: `system DNS of ${zone}`, detail };
      if (answers === undefined)
        return { ...line, ok: undefined, detail: `${detail}; what it does cannot be asked here` };
      return answers
        ? { ...line, ok: true }
        : { ...line, ok: false, detail: `by ${how}: the agent is not reached`, fix: again };
    }),
  );
}

/** Not connected to: at the port of an app that would open a tunnel. */
async function realNameLines({ local = [], pid }: NamesPlace): Promise<DoctorLine[]> {
  const places = local.filter(({ name }) => name.startsWith(realName));
  return await Promise.all(
    places.map(async ({ name, address }): Promise<DoctorLine> => {
      const at = address.lastIndexOf(':');
      const [port, host] = [Number(address.slice(at + 1)), address.slice(0, at)];
      const owner = await findPortOwner(port, host);
      // An agent with a capability is closed even to its own user; whose its socket is the kernel tells all the same.
      if (owner === undefined && (await listeningUid(port, host)) === process.geteuid?.())
        return { name, ok: true, detail: `${address}, of this user` };
      if (owner === undefined)
        return { name, ok: undefined, detail: `${address}: who listens there cannot be told here` };
      if (owner.pid === pid) return { name, ok: true, detail: address };
      const detail = `${address} belongs to ${owner.name} (process ${owner.pid})`;
      return { name, ok: false, detail, fix: 'Start the agent again: postern down; postern up' };
    }),
  );
}

const renewBefore = 30 * day;

async function issuerLines({ directory, system = thisSystem, home = homedir() }: NamesPlace): Promise<DoctorLine[]> {
  const file = join(directory, 'names-issuer.crt');
  if (!existsSync(file)) return [];
  const name = 'issuer of names';
  let certificate: string;
  let left: number;
  try {
    certificate = readFileSync(file, 'utf8');
    left = Date.parse(new X509Certificate(certificate).validTo) - Date.now();
  } catch (error) {
    return [
      {
        name,
        ok: false,
        detail: `${file}: ${(error as Error).message}`,
        fix: 'Start the agent again: it makes another.',
      },
    ];
  }
  const own = nameOf({ certificate });
  const detail = left > 0 ? `${own}, good for ${span(left)}` : `${own} ended ${span(left)} ago`;
  const soon = 'The agent makes another when it starts; then: postern trust install';
  const issuer: DoctorLine =
    left > renewBefore ? { name, ok: true, detail } : { name, ok: left > 0 ? undefined : false, detail, fix: soon };
  const stores = await lookAtNss(system, home, own);
  return [issuer, ...stores.map((store) => trustLine(store, 'postern trust install')), ...systemLine(system, own)];
}

function trustLine({ store, trusted }: StoreState, fix: string): DoctorLine {
  const name = `trust in ${store}`;
  if (trusted === undefined)
    return { name, ok: undefined, detail: 'cannot be told without certutil (Debian and Ubuntu: libnss3-tools)' };
  if (trusted) return { name, ok: true, detail: "this device's issuer is trusted" };
  const detail = "this device's issuer is not trusted: https at real names is met with a warning";
  return { name, ok: undefined, detail, fix };
}

function systemLine(system: System, own: string): DoctorLine[] {
  try {
    return [
      trustLine(
        lookAtSystem(system, own),
        'sudo postern trust install --system --dir DIR (curl and others look there)',
      ),
    ];
  } catch {
    // A system without such a store that we know.
    return [];
  }
}
