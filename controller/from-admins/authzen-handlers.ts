/** Policy stores: putting them in force whole, showing, rolling back and removing. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminAuthzen, PolicyStoreFiles, StoreVersion } from '#shared/contracts/admin-authzen.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { notThere, putVersion, readFiles } from '../authzen/policy-stores.ts';
import { storePath } from '../authzen/store-path.ts';
import { retireName } from '../store/gone-names.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function authzenHandlers({ db, clock, services, policyStores }: AdminParts): HandlersOf<typeof adminAuthzen> {
  const show = async (name?: string): Promise<StoreVersion[]> => {
    const base = services()?.url;
    return (await listVersions(db, name)).map((row) => ({
      ...row,
      ...(base === undefined ? {} : { url: base + storePath(row.name) }),
    }));
  };

  type Put = AnswerOf<(typeof adminAuthzen)['putPolicyStore']>;
  const putInForce = async (
    name: string,
    files: PolicyStoreFiles,
    message: string,
    caller: AdminCaller,
  ): Promise<Put> => {
    const { store, problems } = await policyStores.judge(files);
    if (store === undefined) return { valid: false, problems: [...problems], policies: 0, entities: 0 };
    const at = clock.now();
    const version = await db.transaction().execute(async (trx) => {
      const made = await putVersion(trx, at, name, { files, store, by: caller.actor, message });
      const details = { store: name, version: made, message, ...store.counts };
      await recordAdmin(trx, at, caller, { event: 'policy-store-put', kind: 'policy', details });
      return made;
    });
    policyStores.hold(name, version, store);
    return { version, valid: true, problems: [...problems], ...store.counts };
  };

  return {
    policyStores: async () => ({ items: (await show()).filter(({ inForce }) => inForce) }),

    async policyStore({ params: { name }, query: { version } }) {
      return { files: await readFiles(db, name, version), versions: await show(name) };
    },

    async putPolicyStore({ params: { name }, body: { files, message = 'put', dryRun = false }, caller }) {
      if (!dryRun) return putInForce(name, files, message, caller);
      const { store, problems } = await policyStores.judge(files);
      const counts = store?.counts ?? { policies: 0, entities: 0 };
      return { valid: store !== undefined, problems: [...problems], ...counts };
    },

    async rollbackPolicyStore({ params: { name }, body: { version, message }, caller }) {
      const files = await readFiles(db, name, version);
      const done = await putInForce(name, files, message ?? `back to version ${version}`, caller);
      if (done.version === undefined)
        throw new PosternError('policy-invalid', `version ${version} of ${name}: ${done.problems[0]?.message}`);
      return { version: done.version };
    },

    async removePolicyStore({ params: { name }, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('policy_stores').where('name', '=', name).executeTakeFirst();
        if (numDeletedRows === 0n) throw notThere(name);
        await retireName(trx, at, 'policy store', name);
        await recordAdmin(trx, at, caller, {
          event: 'policy-store-removed',
          kind: 'policy',
          details: { store: name, versions: Number(numDeletedRows) },
        });
      });
    },
  };
}

async function listVersions(db: Db, name: string | undefined) {
  const all = db
    .selectFrom('policy_stores')
    .select(['name', 'version', 'in_force', 'at', 'by', 'message', 'policies', 'entities', 'has_schema'])
    .orderBy('name')
    .orderBy('version', 'desc');
  const rows = await (name === undefined ? all : all.where('name', '=', name)).execute();
  return rows.map((row) => ({
    name: row.name,
    version: row.version,
    inForce: row.in_force === 1,
    at: row.at,
    by: row.by,
    message: row.message,
    policies: row.policies,
    entities: row.entities,
    schema: row.has_schema === 1,
  }));
}
