/** The legs of `postern doctor` that need no running agent: the profile's files, the certificate, the controller's door. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { minute, systemClock } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { DoctorLine } from '../agent-api.ts';
import { span } from './words.ts';

/** Of `enrolment.json`, which holds no secret. The key is not read here. */
export interface EnrolmentSeen {
  readonly certificate: string;
  readonly bundle: readonly string[];
  readonly trustDomain: string;
  readonly controllers: readonly string[];
  readonly bootstrap: readonly string[];
  readonly key: string;
}

export function lookAtProfile(directory: string): { lines: DoctorLine[]; enrolment: EnrolmentSeen | undefined } {
  const name = 'profile';
  let enrolment: EnrolmentSeen;
  try {
    enrolment = JSON.parse(readFileSync(join(directory, 'enrolment.json'), 'utf8')) as EnrolmentSeen;
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const detail = isAbsent ? `${directory} is not enrolled` : `${directory}: ${(error as Error).message}`;
    return { lines: [{ name, ok: false, detail, fix: 'Enrol this device: postern enrol' }], enrolment: undefined };
  }
  const keys = { name: 'keystore', path: join(directory, enrolment.key) };
  const lines = [modeLine(name, directory), modeLine(keys.name, keys.path), certificateLine(enrolment.certificate)];
  return { lines, enrolment };
}

function modeLine(name: string, path: string): DoctorLine {
  try {
    const { mode, uid } = statSync(path);
    if (process.platform === 'win32') return { name, ok: true, detail: path };
    if (uid !== process.geteuid?.()) return { name, ok: false, detail: `${path} belongs to user ${uid}` };
    if ((mode & 0o077) === 0) return { name, ok: true, detail: path };
    return {
      name,
      ok: false,
      detail: `${path} is open to other users (mode ${(mode & 0o777).toString(8)})`,
      fix: 'If somebody may have read the key, enrol again: postern enrol --again',
    };
  } catch (error) {
    return {
      name,
      ok: false,
      detail: `${path}: ${(error as Error).message}`,
      fix: 'Enrol again: postern enrol --again',
    };
  }
}

/** By this device's clock, which may be wrong: the controller has the last word. */
function certificateLine(pem: string): DoctorLine {
  const name = 'certificate (by this clock)';
  const left = Date.parse(new X509Certificate(pem).validTo) - Date.now();
  if (left > 0) return { name, ok: true, detail: `good for ${span(left)}` };
  return {
    name,
    ok: undefined,
    detail: `ended ${span(left)} ago`,
    fix: 'It is renewed when the agent runs: postern up',
  };
}

/** The controller's door as anybody who holds the profile's roots sees it: network, TLS, time. */
export async function lookFromOutside(enrolment: EnrolmentSeen): Promise<DoctorLine[]> {
  const ports = await Promise.all([...enrolment.bootstrap, ...enrolment.controllers].map(portLine));
  return [...ports, await bootstrapLine(enrolment)];
}

function portLine(address: string): Promise<DoctorLine> {
  const name = `network to ${address}`;
  const notTold =
    'no answer: no network, a firewall on the way and a controller that hides or is off look the same from here';
  return new Promise((resolve) => {
    const socket = connect({ ...splitAddress(address), timeout: 2000 });
    const end = (line: Omit<DoctorLine, 'name'>) => {
      socket.destroy();
      resolve({ name, ...line });
    };
    socket.once('connect', () => end({ ok: true, detail: 'the port answers' }));
    socket.once('timeout', () => end({ ok: false, detail: notTold }));
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const isName = code === 'ENOTFOUND' || code === 'EAI_AGAIN';
      const detail = isName
        ? `the name is not known (${code})`
        : code === 'ECONNREFUSED'
          ? 'nothing listens there'
          : (code ?? message);
      end({
        ok: false,
        detail,
        fix: isName ? 'Look at the network and its DNS.' : 'Ask whether the controller is running.',
      });
    });
  });
}

async function bootstrapLine({ bootstrap, bundle, trustDomain }: EnrolmentSeen): Promise<DoctorLine> {
  const name = 'controller TLS and time';
  const { withBootstrap } = await import('../to-controller/bootstrap-client.ts');
  try {
    const place = { addresses: bootstrap, bundle, trustDomain, clock: systemClock };
    const { time } = await withBootstrap(place, (client) => client.meta({ timeoutMs: 2000 }));
    const offset = time - Date.now();
    const detail = `its certificate is good; clocks differ by ${span(offset)}`;
    return Math.abs(offset) <= minute
      ? { name, ok: true, detail }
      : { name, ok: false, detail, fix: 'Set the clock of this device.' };
  } catch (thrown) {
    const { code, message } = asPosternError(thrown);
    return { name, ok: false, detail: `${code}: ${message}` };
  }
}
