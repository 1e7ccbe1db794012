/** `postern doctor`: every leg looked at by its own means, so that the one that failed has a name. */
import { connect } from 'node:net';
import { hour, minute, second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { AgentState, DoctorLine } from './agent-api.ts';
import type { CertificateCare } from './to-controller/certificate-care.ts';
import type { ControllerLink } from './to-controller/controller-link.ts';
import type { GatewayLinks } from './to-gateway/gateway-links.ts';

export interface DoctorParts {
  readonly state: () => AgentState;
  readonly care: CertificateCare;
  readonly link: ControllerLink;
  readonly links: GatewayLinks;
}

const limitMs = 2 * second;
const clockToleranceMs = minute;

export async function runDoctor(parts: DoctorParts): Promise<readonly DoctorLine[]> {
  const { controller } = parts.state();
  const [ports, call, gateways] = await Promise.all([
    Promise.all(controller.addresses.map(tryPort)),
    tryController(parts.link),
    Promise.all(parts.links.known().map(({ id, client }) => tryGateway(id, client))),
  ]);
  // After the calls, which bring times and states up to date.
  const state = parts.state();
  return [...ports, call, certificateLine(state, parts.care), clockLine(state), ...sessionLines(state), ...gateways];
}

function tryPort(address: string): Promise<DoctorLine> {
  const name = `network to ${address}`;
  return new Promise((resolve) => {
    const socket = connect({ ...splitAddress(address), timeout: limitMs });
    const end = (ok: boolean, detail: string) => {
      socket.destroy();
      resolve({
        name,
        ok,
        detail,
        ...(ok ? {} : { fix: 'Check the network, or ask whether the controller is running.' }),
      });
    };
    socket.once('connect', () => end(true, 'the port answers'));
    socket.once('timeout', () => end(false, `no answer within ${limitMs / second} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, error.code ?? error.message));
  });
}

async function tryController(link: ControllerLink): Promise<DoctorLine> {
  const name = 'controller';
  try {
    const { time, state } = await link.calls.device({ timeoutMs: limitMs });
    link.heardTime(time);
    return { name, ok: true, detail: `knows this device: ${state}` };
  } catch (thrown) {
    const { code, message, tell } = asPosternError(thrown);
    return { name, ok: false, detail: `${code}: ${tell ?? message}` };
  }
}

async function tryGateway(
  id: string,
  client: ReturnType<GatewayLinks['known']>[number]['client'],
): Promise<DoctorLine> {
  const name = `gateway ${id}`;
  try {
    const { state } = await client.hello({ timeoutMs: limitMs });
    return { name, ok: state === 'fresh', detail: state };
  } catch (thrown) {
    const { code, message, tell } = asPosternError(thrown);
    return { name, ok: false, detail: `${code}: ${tell ?? message}` };
  }
}

function certificateLine({ certificate }: AgentState, care: CertificateCare): DoctorLine {
  const name = 'certificate';
  const hours = Math.round((certificate.endsInMs / hour) * 10) / 10;
  const { lastError } = care;
  if (lastError?.code === 'renewal-refused') {
    return {
      name,
      ok: false,
      detail: lastError.message,
      fix: lastError.tell ?? 'Ask your administrator for an invitation.',
    };
  }
  const trouble = lastError === undefined ? '' : `; the last renewal failed: ${lastError.code}`;
  return certificate.endsInMs > 0
    ? { name, ok: true, detail: `good for ${hours} h${trouble}` }
    : {
        name,
        ok: false,
        detail: `ended ${-hours} h ago${trouble}`,
        fix: 'It is renewed as soon as the controller answers.',
      };
}

function clockLine({ clockOffsetMs }: AgentState): DoctorLine {
  const name = 'clock';
  if (clockOffsetMs === undefined) return { name, ok: undefined, detail: "the controller's time is not known" };
  const seconds = Math.round(Math.abs(clockOffsetMs) / second);
  const detail = `${seconds} s ${clockOffsetMs > 0 ? 'behind' : 'ahead of'} the controller`;
  return Math.abs(clockOffsetMs) <= clockToleranceMs
    ? { name, ok: true, detail }
    : { name, ok: false, detail, fix: 'Set the clock of this device.' };
}

/** A device that was taken out of service is not helped by a sign-in. */
const deviceFix = (state: string): string =>
  state === 'pending' ? 'Sign in, or ask your administrator to approve it.' : 'Ask your administrator.';

function sessionLines({ session, device, posture }: AgentState): DoctorLine[] {
  const failing = [...posture.failing, ...posture.unknown.map((name) => `${name} (unknown)`)];
  return [
    device.state === 'active'
      ? { name: 'device', ok: true, detail: 'active' }
      : { name: 'device', ok: false, detail: device.state, fix: deviceFix(device.state) },
    session.signedIn && !session.idle
      ? { name: 'session', ok: true, detail: 'signed in' }
      : { name: 'session', ok: false, detail: session.idle ? 'idle' : 'not signed in', fix: 'Run "postern login".' },
    failing.length === 0
      ? { name: 'posture', ok: true, detail: 'nothing fails' }
      : {
          name: 'posture',
          ok: posture.failing.length === 0 ? undefined : false,
          detail: failing.join(', '),
          fix: 'See "postern posture": only apps that want these facts are affected.',
        },
  ];
}
