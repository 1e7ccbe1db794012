/** Legs at the controller: clock, TLS, its ports, its door. */
import { minute } from '#shared/base/clock.ts';
import type { AddressSeen, Evidence } from './evidence.ts';
import { isReached } from './evidence.ts';
import type { Finding } from './legs.ts';
import { apart, failuresOf, isOutOfTime, isStranger, listed } from './seen-words.ts';

const setClock = 'Set the clock of this device, or turn its time service on.';

/** What is heard from the controller comes first; without it, what its certificate and our own say of the time. */
export function judgeClock({ addresses, around, own }: Evidence): Finding[] {
  const at = { leg: 'clock', name: 'clock' } as const;
  const { now, clockOffsetMs, certificate } = own;
  const service =
    around.clockSynchronised === undefined
      ? ''
      : `; the time service of this system ${around.clockSynchronised ? 'says that it is right' : 'has not set it'}`;
  const outOfTime = addresses.find((seen) => !isReached(seen) && refusedForTime(seen));
  if (outOfTime?.greeting?.met === 'certificate') {
    const { notBefore, notAfter } = outOfTime.greeting.certificate;
    const isBehind = now < notBefore;
    const by = apart(isBehind ? notBefore - now : now - notAfter);
    const detail = `${isBehind ? 'at least ' : ''}${by} ${isBehind ? 'behind' : 'ahead'} by the certificate of the controller${service}`;
    if (!isBehind && around.clockSynchronised === true) return [{ ...at, ok: true, detail }];
    const orElse = isBehind || around.clockSynchronised === false ? '' : ', unless that certificate has really ended';
    return [
      { ...at, ok: false, detail, says: `The clock of this device is wrong: ${detail}${orElse}.`, fix: setClock },
    ];
  }
  if (clockOffsetMs !== undefined) {
    const side = clockOffsetMs > 0 ? 'behind' : 'ahead of';
    const detail = `${apart(clockOffsetMs)} ${side} the controller${service}`;
    if (Math.abs(clockOffsetMs) <= minute) return [{ ...at, ok: true, detail }];
    return [{ ...at, ok: undefined, detail: `${detail}; the agent goes by the controller's time`, fix: setClock }];
  }
  if (certificate !== undefined && certificate.startsAt > now) {
    const detail = `at least ${apart(certificate.startsAt - now)} behind: the certificate of this device is younger${service}`;
    const says = `The clock of this device is wrong: ${detail}.`;
    return [{ ...at, ok: addresses.some(isReached) ? undefined : false, detail, says, fix: setClock }];
  }
  if (around.clockSynchronised === false)
    return [{ ...at, ok: undefined, detail: `the controller's time is not known${service}`, fix: setClock }];
  return [{ ...at, ok: around.clockSynchronised, detail: `the controller's time is not known${service}` }];
}

const refusedForTime = ({ greeting }: AddressSeen): boolean =>
  greeting?.met === 'certificate' && isOutOfTime(greeting.certificate.refused);

export function judgeTls({ addresses, around }: Evidence): Finding[] {
  return addresses.flatMap((seen): Finding[] => {
    const { address, greeting, call } = seen;
    const at = { leg: 'tls', name: `TLS at ${address}` } as const;
    if (isReached(seen)) return [{ ...at, ok: true, detail: 'the certificate is of our controller' }];
    const isElsewhere = addresses.some(isReached);
    const fail = (detail: string, fix: string): Finding[] =>
      isElsewhere
        ? [{ ...at, ok: undefined, detail }]
        : [{ ...at, ok: false, detail, says: `TLS with the controller fails: ${detail}.`, fix }];
    if (isStranger(seen)) {
      const who =
        greeting?.met === 'certificate'
          ? `${address} shows a certificate of ${greeting.certificate.subject}, issued by ${greeting.certificate.issuer} (${greeting.certificate.refused ?? 'another role'})`
          : `what answers at ${address} speaks no TLS`;
      return fail(
        `${who}; a captive portal, a proxy that opens TLS and another server at this address look the same from here`,
        'Try another network; if it is the same there, ask your administrator.',
      );
    }
    if (refusedForTime(seen) && around.clockSynchronised === true)
      return fail(
        `the certificate of the controller at ${address} is out of its time, and this clock is right`,
        'Ask your administrator: the controller does not renew its certificate.',
      );
    if (!call.ok && call.error.code === 'peer-refused' && !refusedForTime(seen))
      return fail(
        `${address} is not the controller that it should be: ${call.error.message}`,
        'Ask your administrator.',
      );
    return [];
  });
}

export function judgePorts({ addresses, own }: Evidence): Finding[] {
  return addresses.flatMap((seen): Finding[] => {
    const { address, greeting, route, call } = seen;
    const at = { leg: 'port', name: `port ${address}` } as const;
    if (isReached(seen)) return [{ ...at, ok: true, detail: 'answers' }];
    if (route === undefined || 'failed' in route || greeting === undefined) return [];
    const isElsewhere = addresses.some(isReached);
    const fail = (detail: string, fix: string): Finding[] =>
      isElsewhere
        ? [{ ...at, ok: undefined, detail: `${detail}; another address of the controller works` }]
        : [{ ...at, ok: false, detail, says: `The controller does not answer: ${detail}.`, fix }];
    if (greeting.met === 'refused')
      return fail(
        `nothing listens at ${address} (connection refused): the controller is not running there, or a firewall says so in its place`,
        'Ask whether the controller is running.',
      );
    // The ladder has said more of it.
    if (greeting.met === 'nothing' && failuresOf(seen).some(({ leg }) => leg === 'knock')) return [];
    if (greeting.met === 'nothing') {
      const door = own.knock === 'held' ? ', or its door did not take the knock' : '';
      return fail(
        `no answer from ${address}: packets are lost, a firewall drops them, or the controller is off${door}; these look the same from here`,
        'Try another network; if it is the same there, ask whether the controller is running.',
      );
    }
    if (greeting.met === 'failed') return fail(`${address}: ${greeting.code}`, 'Look at the network.');
    if (greeting.met === 'silence')
      return fail(
        `${address} takes connections and says nothing: the controller is overloaded, or something on the way holds it back`,
        'Try again in a minute; then ask your administrator.',
      );
    const isOurs = greeting.met === 'certificate' && greeting.certificate.isOurs;
    if (isOurs && !call.ok)
      return fail(
        `${address} answers the greeting, and not the agent: ${call.error.message}`,
        'Ask your administrator.',
      );
    return [];
  });
}

export function judgeKnock({ addresses, own }: Evidence): Finding[] {
  const closed = addresses.filter((seen) => !isReached(seen) && seen.greeting?.met === 'closed');
  const at = { leg: 'knock', name: 'knock at the controller' } as const;
  if (closed.length === 0) return [];
  const where = listed(closed.map(({ address }) => address));
  const isElsewhere = addresses.some(isReached);
  const fail = (detail: string, fix: string): Finding[] => [
    isElsewhere
      ? { ...at, ok: undefined, detail }
      : { ...at, ok: false, detail, says: `The knock at the controller's door fails: ${detail}.`, fix },
  ];
  if (own.knock === 'not-asked')
    return fail(
      `${where} closes each connection without a byte, as a door does; only a running agent can knock`,
      'Start it: postern up',
    );
  if (own.knock === 'missing')
    return fail(
      `${where} closes each connection without a byte, as a door does, and this device holds no key to knock with`,
      'Enrol this device again: postern enrol --again',
    );
  return fail(
    `${where} closes each connection without a byte, with the knock and without: either its door does not take the key of this device any more (removed, or enrolled anew), or the clock is more than 24 h wrong, or something on the way cuts connections; these look the same from here`,
    'Look at the clock; then ask your administrator whether this device is still known.',
  );
}
