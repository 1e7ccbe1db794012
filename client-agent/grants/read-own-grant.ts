/** What the agent reads in its own grants, for its own use only: whom a grant serves, the gateway judges. */

/** P18: good for one use. What is unreadable to us is the gateway's to refuse, and is kept no longer than one use. */
export function isOnce(grant: string): boolean {
  const claims = readClaims(grant);
  return claims === undefined || claims['use'] === 'once';
}

/** False only for a grant that names another key than `jkt`. */
export function isBoundTo(grant: string, jkt: string): boolean {
  const cnf = readClaims(grant)?.['cnf'];
  if (typeof cnf !== 'object' || cnf === null || !('jkt' in cnf)) return true;
  return cnf.jkt === jkt;
}

function readClaims(grant: string): Record<string, unknown> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(grant.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
