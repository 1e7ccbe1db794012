/** `postern status`: one screen. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { DoctorLine } from '../agent-api.ts';
import type { ClientSeen } from '../clients/client-desk.ts';
import type { ControlStatus } from '../control/control-contract.ts';
import { endWords } from './clients.ts';
import { directoryOf, placeOf, socketIn, withAgent } from './with-agent.ts';
import { ago, answer, commandFor, forClient, printFacts, realName, span, troubleWords, wayWords } from './words.ts';

export async function showStatus(call: CliCall): Promise<void> {
  const wait = call.values['wait'];
  if (wait !== undefined) {
    const { untilListens } = await import('#shared/wire/until-listens.ts');
    await untilListens(socketIn(await directoryOf(call)), Number(wait) * 1000);
  }
  const status = await withAgent(call, ({ calls }) => calls.status());
  const place = await placeOf(call);
  // Loaded here: most have no names.
  const { lookAtNames } = await import('./look-at-names.ts');
  const names = await lookAtNames({ directory: await directoryOf(call), local: status.local, pid: status.pid });
  answer(call, { ...status, names }, () => print(call, status, { place, names }));
}

interface Beside {
  readonly place: string;
  readonly names: readonly DoctorLine[];
}

function print(call: CliCall, { state, local, holds, clients, pid }: ControlStatus, { place, names }: Beside): void {
  const { person, organisation, profile, device, posture } = state;
  printFacts(call, [
    ['person', `${person.name} (${person.id}) at ${organisation}, profile ${profile}`],
    ['device', `${device.id}, ${device.state}, fingerprint ${device.fingerprint}`],
    ['session', sessionWords(state)],
    ['controller', controllerWords(state)],
    ...state.ways.map((way) => [`way to ${way.door}`, wayWords(way)] as const),
    ['certificate', certificateWords(state)],
    [
      'posture',
      [
        posture.reportedMsAgo === undefined ? 'not reported yet' : `reported ${ago(posture.reportedMsAgo)}`,
        posture.failing.length === 0 ? 'nothing fails' : `failing: ${posture.failing.join(', ')}`,
        ...(posture.unknown.length === 0 ? [] : [`unknown: ${posture.unknown.join(', ')}`]),
      ].join('; '),
    ],
    ['agent', `process ${pid}`],
    ...local.map(({ name, address }) => [name, address] as const),
    ...names.filter(({ name }) => !name.startsWith(realName)).map(({ name, detail }) => [name, detail] as const),
    ...clients.map((client) => ['client', clientWords(client)] as const),
  ]);
  for (const { app, kind, code, detail, client } of holds) {
    const what = commandFor({ kind, code });
    call.io.out(
      `${safeText(app)}${forClient(client)} waits for you: ${safeText(detail ?? kind)}  Run: ${what}${place}`,
    );
  }
  const { trouble } = state.controller;
  if (trouble !== undefined) call.io.out(troubleWords(trouble));
  // No sign-in helps a device that was taken out of service.
  if (device.state !== 'active' && device.state !== 'pending')
    call.io.out(`This device is ${safeText(device.state)}: ask your administrator.`);
  else if (!state.session.signedIn) call.io.out(`Next: postern login${place}`);
}

function clientWords(client: ClientSeen): string {
  const { name, apps, lastUsedAt, open } = client;
  const used =
    lastUsedAt === undefined ? 'not used since the agent was started' : `used ${ago(Date.now() - lastUsedAt)}`;
  const end = client.expiresAt === undefined ? '' : `, ends ${endWords(client)}`;
  return `${name} for ${apps.join(', ')}: ${used}, ${open} open${client.expired ? `, ${endWords(client)}` : end}`;
}

function sessionWords({ session, device }: ControlStatus['state']): string {
  if (!session.signedIn)
    return device.firstFactors ? 'not signed in yet: the first sign-in sets your factors' : 'signed out';
  const end = session.expiresInMs === undefined ? '' : `, ends in ${span(session.expiresInMs)}`;
  return session.idle ? `idle, wants one factor: postern login${end}` : `signed in${end}`;
}

function controllerWords({ controller, clockOffsetMs }: ControlStatus['state']): string {
  const { reachable, failure, trouble, addresses, events } = controller;
  const why = trouble === undefined ? (failure ?? 'unknown') : trouble.leg;
  const state = reachable === undefined ? 'not asked yet' : reachable ? 'reached' : `not reached (${why})`;
  const clock = clockOffsetMs === undefined ? '' : `, clocks differ by ${span(clockOffsetMs)}`;
  return `${addresses.join(', ')}: ${state}${events ? ', events open' : ''}${clock}`;
}

function certificateWords({ certificate }: ControlStatus['state']): string {
  if (certificate.endsInMs <= 0) return `ended ${ago(-certificate.endsInMs)}`;
  return `good for ${span(certificate.endsInMs)}, renewed in ${span(Math.max(0, certificate.renewsInMs))}`;
}
