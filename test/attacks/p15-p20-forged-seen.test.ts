import t from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { LiveTable } from '../../gateway/grants/live-table.ts';
import { revocationSet } from '../../gateway/grants/revocation-set.ts';

t.test(
  'P15 P20 a stream that began under a leaked key escapes no revocation by a number that its thief made up',
  (t) => {
    const claims = (jti: string, seen: number, exp: number) =>
      ({ sub: 'emma', did: 'dev_1', sid: 'ses_1', app: 'wiki', jti, seen, exp }) as unknown as GrantClaims;
    const live = new LiveTable();
    const ruled = { request: undefined, address: '127.0.0.1' };
    const entry = live.enter({ claims: claims('gr_forged', Number.MAX_SAFE_INTEGER, 60), kid: 'leaked', ruled }, 0);
    // Renewed since by grants of the controller's own, under the next key.
    entry.claims = claims('gr_real', 5, 120);
    entry.kid = 'next';
    const revoked = { kind: 'person', id: 'emma', seen: 10, until: 1e9, reason: 'revoked' } as const;
    t.equal(live.cutRevoked(revocationSet([revoked], 0)), 1);
    t.end();
  },
);
