/** curl as the only client of an enrolled device: files of a key and a certificate, and JSON calls with them. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { runTool } from './journey-tools.ts';

export interface CurlAnswer {
  /** curl's own: 0 when there was an answer of HTTP, whatever its status. */
  readonly exit: number | null;
  readonly status: number;
  readonly body: string;
  readonly stderr: string;
}

/** Never fails on a status; `status` is 0 where there was none. */
export async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const options = ['--silent', '--show-error', '--max-time', '20', '--write-out', '\n%{http_code}'];
  const { code, stdout, stderr } = await runTool('curl', [...options, ...args]);
  const at = stdout.lastIndexOf('\n');
  return { exit: code, status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at), stderr };
}

export interface DeviceFiles {
  readonly key: string;
  readonly certificate: string;
  /** The organisation's roots. */
  readonly bundle: string;
}

export const withDevice = ({ key, certificate, bundle }: DeviceFiles): string[] => [
  '--cacert',
  bundle,
  '--key',
  key,
  '--cert',
  certificate,
];

/** Posts JSON; throws what the controller said unless it is a success. */
export async function postJson<T>(url: string, body: object, ...args: readonly string[]): Promise<T> {
  const json = ['--header', 'content-type: application/json', '--data', JSON.stringify(body)];
  const answer = await curl(...json, ...args, url);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`${url}: ${answer.status} ${answer.body} ${answer.stderr}`);
  }
  return JSON.parse(answer.body) as T;
}

interface Enrolled {
  readonly device: string;
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly bundle: readonly string[];
  readonly controllers: readonly string[];
}

/** By hand: key and request by openssl, the roots compared with the invitation's pin, the rest by curl. */
export async function enrolByHand(dir: string, text: string): Promise<DeviceFiles & Pick<Enrolled, 'controllers'>> {
  const invitation = decodeInvitation(text);
  const at = (name: string) => join(dir, name);
  const openssl = async (...args: string[]) => {
    const { code, stderr } = await runTool('openssl', args);
    if (code !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at('device.key'));
  await openssl('req', '-new', '-key', at('device.key'), '-subj', '/CN=curl', '-out', at('device.csr'));
  const meta = await curl('--insecure', `https://${invitation.u}/v1/meta`);
  const { bundle } = JSON.parse(meta.body) as { bundle: string[] };
  const pinned = bundle.find(
    (root) => createHash('sha256').update(new X509Certificate(root).raw).digest('hex') === invitation.p,
  );
  if (pinned === undefined) throw new Error('no root matches the pin of the invitation');
  writeFileSync(at('roots.pem'), pinned);
  const facts = { os: 'linux', hostName: 'curl' };
  const enrolled = await postJson<Enrolled>(
    `https://${invitation.u}/v1/enrol`,
    { code: invitation.k, csr: readFileSync(at('device.csr'), 'utf8'), facts, version: 1 },
    '--cacert',
    at('roots.pem'),
  );
  writeFileSync(at('device.pem'), [enrolled.certificate, ...enrolled.chain].join(''));
  const { controllers } = enrolled;
  return { key: at('device.key'), certificate: at('device.pem'), bundle: at('roots.pem'), controllers };
}

/** The files of an agent's profile, as curl takes them. */
export function filesOfProfile(profile: string, dir: string): DeviceFiles {
  const { key, certificate, chain, bundle } = JSON.parse(readFileSync(join(profile, 'enrolment.json'), 'utf8')) as {
    key: string;
    certificate: string;
    chain: string[];
    bundle: string[];
  };
  writeFileSync(join(dir, 'profile.pem'), [certificate, ...chain].join(''));
  writeFileSync(join(dir, 'profile-roots.pem'), bundle.join(''));
  return {
    key: join(profile, key),
    certificate: join(dir, 'profile.pem'),
    bundle: join(dir, 'profile-roots.pem'),
  };
}
