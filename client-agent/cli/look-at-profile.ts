/** The legs of `postern doctor` that need no running agent: the profile's files, the certificate, the controller's door. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { DoctorLine } from '../agent-api.ts';
import { outsideWay } from '../diagnosis/outside-way.ts';
import { span } from './words.ts';

/** Of `enrolment.json`, which holds no secret. The key is not read here. */
export interface EnrolmentSeen {
  readonly certificate: string;
  readonly bundle: readonly string[];
  readonly trustDomain: string;
  readonly controllers: readonly string[];
  readonly bootstrap: readonly string[];
  readonly key: string;
  readonly state: DeviceState;
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

/** The way to the controller as anybody who holds the profile's roots sees it: without a knock, without a certificate. */
export async function lookFromOutside(enrolment: EnrolmentSeen): Promise<readonly DoctorLine[]> {
  const { bootstrap, bundle, trustDomain, certificate, state } = enrolment;
  const { diagnose } = await import('../diagnosis/diagnose.ts');
  const { systemProbes } = await import('../diagnosis/probes.ts');
  const { startsAt, endsAt } = lifeOf(certificate);
  const { findings } = await diagnose(systemProbes, {
    ...outsideWay({ addresses: bootstrap, bundle, trustDomain }),
    own: (clockOffsetMs) => ({
      now: Date.now(),
      ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
      certificate: { startsAt, endsAt },
      knock: 'not-asked',
      device: state,
    }),
  });
  return findings;
}

function lifeOf(pem: string): { readonly startsAt: number; readonly endsAt: number } {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { startsAt: Date.parse(validFrom), endsAt: Date.parse(validTo) };
}
