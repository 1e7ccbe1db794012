/** The admin API: policy stores that are served through AuthZEN. */
import { type Static, Type } from 'typebox';
import { list } from './admin-shapes.ts';
import { changeNumber, oneOf, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const storeLimits = {
  files: 1000,
  policyBytes: 2 * 1024 * 1024,
  policies: 5000,
  schemaBytes: 256 * 1024,
  entities: 50_000,
  entityBytes: 8 * 1024 * 1024,
  /** Of one store, the newest. */
  versionsKept: 10,
} as const;

const storeFile = strict({
  /** Name of the file without `.cedar`. */
  name: Type.String({ minLength: 1, maxLength: 128 }),
  text: text(storeLimits.policyBytes),
});

export const policyStoreFiles = strict({
  policies: Type.Array(storeFile),
  schema: Type.Optional(text(storeLimits.schemaBytes)),
  entities: Type.Optional(text(storeLimits.entityBytes)),
  links: Type.Optional(text(storeLimits.policyBytes)),
});
export type PolicyStoreFiles = Static<typeof policyStoreFiles>;

export const storeProblem = strict({
  severity: oneOf(['error', 'warning']),
  file: text(200),
  policy: Type.Optional(text(128)),
  message: text(2000),
});
export type StoreProblem = Static<typeof storeProblem>;

const storeVersion = strict({
  name: slug,
  version: changeNumber,
  inForce: Type.Boolean(),
  at: time,
  by: text(100),
  message: text(500),
  policies: Type.Integer(),
  entities: Type.Integer(),
  schema: Type.Boolean(),
  /** Where it is asked; absent while the services listener is off. */
  url: Type.Optional(text(400)),
});
export type StoreVersion = Static<typeof storeVersion>;

const byName = strict({ name: slug });
const maxStoreBody = 24 * 1024 * 1024;

export const adminAuthzen = defineContract({
  policyStores: {
    method: 'GET',
    path: '/v1/admin/authzen/stores',
    summary: 'Policy stores, each with the version in force',
    access: 'reader',
    answer: list(storeVersion),
  },
  policyStore: {
    method: 'GET',
    path: '/v1/admin/authzen/stores/:name',
    summary: 'A policy store: its versions, and the files of one, the one in force unless told',
    access: 'reader',
    params: byName,
    query: strict({ version: Type.Optional(changeNumber) }),
    answer: strict({ versions: Type.Array(storeVersion), files: policyStoreFiles }),
  },
  putPolicyStore: {
    method: 'PUT',
    path: '/v1/admin/authzen/stores/:name',
    summary: 'Put a policy store in force, whole, as a new version; or only validate it',
    access: 'admin',
    maxBody: maxStoreBody,
    params: byName,
    body: strict({ files: policyStoreFiles, message: Type.Optional(text(500)), dryRun: Type.Optional(Type.Boolean()) }),
    answer: strict({
      /** Absent when it was only validated. */
      version: Type.Optional(changeNumber),
      valid: Type.Boolean(),
      problems: Type.Array(storeProblem),
      policies: Type.Integer(),
      entities: Type.Integer(),
    }),
  },
  rollbackPolicyStore: {
    method: 'POST',
    path: '/v1/admin/authzen/stores/:name/rollback',
    summary: 'Put an earlier version in force, as a new version',
    access: 'admin',
    params: byName,
    body: strict({ version: changeNumber, message: Type.Optional(text(500)) }),
    answer: strict({ version: changeNumber }),
  },
  removePolicyStore: {
    method: 'DELETE',
    path: '/v1/admin/authzen/stores/:name',
    summary: 'Remove a policy store with all its versions',
    access: 'admin',
    params: byName,
  },
});
