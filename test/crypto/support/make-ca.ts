/** A root, an issuing CA and leaves of one trust domain, for the tests of certificates. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueLeaf, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';

export const trustDomain = 'postern.test';

export async function makeCa(now: number) {
  const root = await makeRootCa({ trustDomain, now });
  const issuer = await makeIssuingCa({ root, trustDomain, now });
  const newLeaf = async (spiffeId: string, more: { lifeMs?: number; ipAddresses?: string[] } = {}) => {
    const keys = generateKeyPair();
    return { keys, leaf: await issueLeaf({ issuer, publicKey: keys.publicKey, spiffeId, now, ...more }) };
  };
  return { root, issuer, newLeaf };
}

export const noOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : { skip: 'openssl is not here' };

/** Runs openssl in a directory of its own that holds `files`; both streams as text. */
export function openssl(args: string[], files: Record<string, string | Buffer>, input?: string) {
  const dir = mkdtempSync(join(tmpdir(), 'postern-openssl-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
    const run = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8', ...(input === undefined ? {} : { input }) });
    return { status: run.status, output: `${run.stdout}${run.stderr}` };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
