/** What follows from what: events of the controller, changes of the session, sleep. */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '#shared/base/log.ts';
import type { AgentEvent } from '#shared/contracts/agent-to-controller.ts';
import type { Ladders } from '#shared/wire/doors/ladders.ts';
import type { LongChannel } from '#shared/wire/long-channel.ts';
import type { LocalEvent } from './agent-api.ts';
import type { GrantDesk } from './grants/grant-desk.ts';
import type { Holds } from './grants/holds.ts';
import { pause } from './grants/pause.ts';
import type { Keystore } from './keystore/keystore.ts';
import type { AppsList } from './to-controller/apps-list.ts';
import type { CertificateCare } from './to-controller/certificate-care.ts';
import type { ControllerLink } from './to-controller/controller-link.ts';
import type { DeviceShown, PostureReporter } from './to-controller/posture-reporter.ts';
import type { Sessions } from './to-controller/sessions.ts';
import type { GatewayLinks } from './to-gateway/gateway-links.ts';

export interface ReactingParts {
  readonly keystore: Keystore;
  readonly sessions: Sessions;
  readonly link: ControllerLink;
  readonly links: GatewayLinks;
  readonly ladders: Ladders;
  readonly care: CertificateCare;
  readonly apps: AppsList;
  readonly reporter: PostureReporter;
  readonly desk: GrantDesk;
  readonly holds: Holds;
  readonly log: Log;
  readonly events: () => LongChannel | undefined;
  readonly emit: (event: LocalEvent) => void;
}

export function onControllerEvent(parts: ReactingParts, event: AgentEvent): void {
  const { sessions, apps, reporter, holds, emit } = parts;
  if (event.type === 'hello') {
    // What happened while the stream was away was not told.
    void apps.refreshQuietly();
    emit({ type: 'state' });
  }
  if (event.type === 'session-ended' && event.session === sessions.id) sessions.drop(event.reason);
  if (event.type === 'step-up-wanted') emit({ type: 'step-up-wanted', app: event.app });
  if (event.type === 'posture-wanted') reportSoon(reporter);
  if (event.type === 'apps-changed') {
    void apps.refreshQuietly();
    holds.changed();
  }
  if (event.type === 'device-changed') noteDevice(parts, { state: event.state });
}

/** What the controller says of this device, kept for the next start. */
export function noteDevice(parts: ReactingParts, told: Pick<DeviceShown, 'state'> & Partial<DeviceShown>): void {
  const { keystore, holds, apps, emit } = parts;
  const before = keystore.enrolment;
  const { state, person = before.person, organisation = before.organisation, door } = told;
  // The door may be another one than at enrolment: whoever knows goes there by the right rung at once.
  const knock = before.knock && door && { secret: before.knock.secret, ...door };
  const isSameDoor = knock === undefined || isDeepStrictEqual(knock, before.knock);
  const isSame = state === before.state && person.name === before.person.name && organisation === before.organisation;
  if (isSame && isSameDoor) return;
  keystore.save({ ...before, state, person, organisation, ...(knock === undefined ? {} : { knock }) });
  emit({ type: 'state' });
  if (state === before.state) return;
  holds.changed();
  void apps.refreshQuietly();
}

export function onSessionChange(parts: ReactingParts, signedIn: boolean, reason: string | undefined): void {
  const { desk, apps, reporter, emit } = parts;
  // Grants of one session never serve another.
  desk.clear();
  if (!signedIn) apps.clear();
  else if (reason === undefined) reportSoon(reporter);
  emit({ type: 'session', signedIn, ...(reason === undefined ? {} : { reason }) });
  emit({ type: 'state' });
}

/** How long the end of a sign-in waits for the list of apps. */
const appsPatienceMs = 2000;

/** A sign-in, step-up or resumption has ended well; resolves once the apps are known: who is told "signed in" asks for one at once. */
export async function onFactor(parts: ReactingParts): Promise<void> {
  parts.holds.changed();
  // The device may have become active by it.
  reportSoon(parts.reporter);
  await Promise.race([parts.apps.refreshQuietly(), pause(appsPatienceMs)]);
}

/** After sleep every connection is dead, and the certificate may have ended. */
export function onWake(parts: ReactingParts): void {
  const { care, link, links, ladders, reporter, events, log } = parts;
  log.info('this device was asleep');
  // What still runs is asked whether it lives.
  ladders.networkChanged();
  care.woke();
  link.reconnect();
  links.reconnect();
  reporter.wanted();
  events()?.reconnect();
}

/** The controller is reached again: connections of before may be dead, and what waits with long pauses need not. */
export function onWayBack(parts: ReactingParts): void {
  const { care, link, links, apps, reporter, events } = parts;
  care.woke();
  void care.tick();
  link.reconnect();
  links.reconnect();
  events()?.reconnect();
  void apps.refreshQuietly();
  reportSoon(reporter);
}

/** Doors have let in another source, and who was reached from an address that is gone will not be heard again. */
export function onNetworkChange(parts: ReactingParts, own: readonly string[]): void {
  const { care, link, links, ladders, events, log } = parts;
  const ended = ladders.networkChanged(own);
  if (ended > 0) log.info({ ended }, 'connections from addresses that are gone were ended');
  care.woke();
  link.reconnect();
  links.reconnect();
  events()?.reconnect();
}

function reportSoon(reporter: PostureReporter): void {
  reporter.wanted();
  void reporter.tick();
}
