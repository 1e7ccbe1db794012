/** Signing keys and certificate authorities: rotating, withdrawing, and the root's key off the machine and back. */
import { X509Certificate } from 'node:crypto';
import type { adminKeys } from '#shared/contracts/admin-keys.ts';
import { followRotation } from '../admin/follow-rotation.ts';
import { bringRootKey, takeRootKey } from '../authority/root-key.ts';
import { readChange } from '../store/changes.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

const usualWaitMs = 10_000;

export function keyHandlers(parts: AdminParts): HandlersOf<typeof adminKeys> {
  const { db, sealer, clock, authority, cuts } = parts;
  return {
    async rotateKeys({ body: { what, waitMs = usualWaitMs }, caller }) {
      const kid = await db.transaction().execute(async (trx) => {
        const started = await authority.startRotation(trx, what);
        await recordAdmin(trx, clock.now(), caller, { event: 'rotation-started', details: { what, ...started } });
        return started.kid;
      });
      await authority.reload();
      return followRotation(parts, { what, kid, waitMs });
    },

    async withdrawKey({ body: { kid }, caller }) {
      const at = clock.now();
      const after = await readChange(db);
      const { n, grants } = await authority.withdraw(kid, (trx, taken) =>
        recordAdmin(trx, at, caller, { event: 'key-withdrawn', kind: 'revocation', details: { kid, ...taken } }),
      );
      return { signer: authority.grantSigner().kid, cut: await cuts.report({ n, after, at, grants, sessions: 0 }) };
    },

    async takeRootKey({ body, caller }) {
      const fingerprint = await takeRootKey(db, sealer, body, (trx) =>
        recordAdmin(trx, clock.now(), caller, { event: 'root-key-taken', details: { file: body.file } }),
      );
      await authority.forgetKeys();
      return { file: body.file, fingerprint };
    },

    async bringRootKey({ body, caller }) {
      const fingerprint = await bringRootKey(db, sealer, body, (trx) =>
        recordAdmin(trx, clock.now(), caller, { event: 'root-key-brought', details: { file: body.file } }),
      );
      return { fingerprint };
    },

    async trust() {
      const signing = await db
        .selectFrom('signing_keys')
        .select(['kid', 'state', 'since'])
        .where('purpose', '=', 'grant')
        .orderBy('created_at')
        .execute();
      const rows = await db
        .selectFrom('authorities')
        .selectAll()
        .orderBy('kind', 'desc')
        .orderBy('created_at')
        .execute();
      const authorities = rows.map((row) => ({
        id: row.id,
        kind: row.kind as 'root' | 'issuing',
        state: row.state,
        since: row.since,
        endsAt: row.ends_at,
        fingerprint: new X509Certificate(row.certificate).fingerprint256,
        keyHere: row.sealed !== null,
      }));
      return { bundle: authority.bundle(), authorities, signing };
    },
  };
}
