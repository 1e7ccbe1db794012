/** Legs behind an open way: this device's certificate, what the controller says of device and session, gateways. */
import { hour, minute } from '#shared/base/clock.ts';
import type { Evidence } from './evidence.ts';
import { isReached } from './evidence.ts';
import type { Finding } from './legs.ts';
import { apart } from './seen-words.ts';

const askAdmin = 'Ask your administrator.';

export function judgeCertificate({ addresses, own }: Evidence): Finding[] {
  const at = { leg: 'certificate', name: 'certificate' } as const;
  if (own.certificate === undefined) return [];
  const { endsAt, lastError } = own.certificate;
  // By the controller's time where it is known.
  const left = endsAt - own.now - (own.clockOffsetMs ?? 0);
  const fail = (detail: string, fix: string): Finding[] => [
    { ...at, ok: false, detail, says: `The certificate of this device is not good: ${detail}.`, fix },
  ];
  const trouble = lastError === undefined ? '' : `; the last renewal failed: ${lastError.tell ?? lastError.message}`;
  if (lastError?.code === 'renewal-refused')
    return fail(lastError.message, lastError.tell ?? 'Ask your administrator for an invitation.');
  const isReachable = addresses.some(isReached);
  const isRefused = addresses.some(({ call }) => !call.ok && call.error.code === 'certificate-refused');
  if (left > 0 && isRefused)
    return fail(`the controller does not take it${trouble}`, 'postern renew; if that fails, postern enrol --again');
  if (left > 0) return [{ ...at, ok: true, detail: `good for ${Math.round((left / hour) * 10) / 10} h${trouble}` }];
  const detail = `it ended ${apart(left)} ago${trouble}`;
  // Nobody can renew it while nobody is reached: the leg in the way is another.
  if (!isReachable) return [{ ...at, ok: undefined, detail, fix: 'It is renewed as soon as the controller answers.' }];
  return fail(detail, 'postern renew');
}

export function judgeController({ addresses }: Evidence): Finding[] {
  const reached = addresses.filter(isReached);
  const at = { leg: 'controller', name: 'controller' } as const;
  const good = reached.find(({ call }) => call.ok);
  if (good !== undefined) return [{ ...at, ok: true, detail: `answers at ${good.address}` }];
  const { call } = reached[0] ?? addresses.find(({ call }) => !call.ok && call.error.code === 'bad-answer') ?? {};
  if (call === undefined || call.ok || call.error.code === 'certificate-refused') return [];
  const { code, message, tell } = call.error;
  const detail = `${code}: ${tell ?? message}`;
  return [
    { ...at, ok: false, detail, says: `The controller is reached and refuses: ${tell ?? message}.`, fix: askAdmin },
  ];
}

export function judgeDevice({ own }: Evidence): Finding[] {
  const at = { leg: 'device', name: 'device' } as const;
  if (own.device === undefined) return [];
  if (own.device === 'active') return [{ ...at, ok: true, detail: 'active' }];
  const fix = own.device === 'pending' ? 'Sign in, or ask your administrator to approve it.' : askAdmin;
  return [{ ...at, ok: false, detail: own.device, says: `This device is ${own.device}.`, fix }];
}

export function judgeSession({ own }: Evidence): Finding[] {
  const { session } = own;
  const at = { leg: 'session', name: 'session' } as const;
  if (session === undefined) return [];
  if (session.signedIn && !session.idle) return [{ ...at, ok: true, detail: 'signed in' }];
  const detail = session.idle ? 'idle: it waits for one factor' : 'not signed in';
  const says = session.idle ? 'Your session is idle and waits for one factor.' : 'You are not signed in.';
  return [{ ...at, ok: false, detail, says, fix: 'Run "postern login".' }];
}

export function judgeGateways({ gateways, own }: Evidence): Finding[] {
  return gateways.map(({ id, address, hides, call }): Finding => {
    const at = { leg: 'gateway', name: `gateway ${id}` } as const;
    if (call.ok && call.state === 'fresh') return { ...at, ok: true, detail: 'fresh' };
    const fail = (detail: string, fix: string): Finding => ({
      ...at,
      ok: false,
      detail,
      says: `Gateway ${id} does not serve you: ${detail}.`,
      fix,
    });
    if (call.ok) return fail(`${call.state}: it does not hear the controller`, askAdmin);
    const { code, message, tell } = call.error;
    const detail = `${code}: ${tell ?? message}`;
    if (code !== 'unreachable' || !hides) return fail(`${detail} (${address})`, askAdmin);
    const isClockOff = Math.abs(own.clockOffsetMs ?? 0) > minute / 2;
    const clock = isClockOff ? ', or the clock is more than 30 s wrong' : '';
    return fail(
      `${detail} (${address}): either its door did not take the knock, whose key ends with the session${clock}, or packets are lost; these look the same from here`,
      'Sign in again: postern login --again; then ask your administrator.',
    );
  });
}
