/** The admin API: the way back in (P6). */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { changeNumber, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

export const adminRecovery = defineContract({
  recover: {
    method: 'POST',
    path: '/v1/admin/recover',
    summary: 'Give an owner back a device and a policy that lets them in, whole or not at all (P6)',
    access: 'owner',
    body: strict({
      /** An owner; the only one unless told. */
      person: Type.Optional(slug),
      /** The version to put in force again; 0 keeps what is in force. Unless told, the newest that lets the person in. */
      epoch: Type.Optional(changeNumber),
    }),
    answer: strict({
      person: slug,
      /** True when a suspension was lifted. */
      lifted: Type.Boolean(),
      /** The version in force now, and the one that it repeats; without the second, the policy was left as it was. */
      epoch: changeNumber,
      sameAs: Type.Optional(changeNumber),
      /** For a new device; answered once, stored nowhere. */
      invitation: text(8192),
      endsAt: time,
      /** True when the person must still set first factors, by the invitation, or has none left. */
      hasFactors: Type.Boolean(),
      cut: shown.cutReport,
    }),
  },
});
