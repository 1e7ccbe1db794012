/** The admin API: signing keys and certificate authorities. */
import { Type } from 'typebox';
import * as shown from './admin-objects.ts';
import { changeNumber, oneOf, pem, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

/** How far a rotation has come. Gateways that are away are not waited for: they learn the key when they are back (P20). */
const rotation = strict({
  kid: text(64),
  what: oneOf(['signing', 'issuing']),
  /** The change that carries the key to the gateways. */
  change: changeNumber,
  inUse: Type.Boolean(),
  gateways: Type.Array(
    strict({ gateway: slug, state: oneOf(['confirmed', 'waiting', 'away']), lastSeenAt: Type.Optional(time) }),
  ),
});

const keyFile = strict({
  /** On the host of the controller. */
  file: text(1024),
  /** The file is encrypted under it. */
  passphrase: Type.String({ minLength: 12, maxLength: 1024 }),
});

export const adminKeys = defineContract({
  rotateKeys: {
    method: 'POST',
    path: '/v1/admin/keys/rotate',
    summary: 'Rotate: the new key is used once every fresh gateway has it (P20)',
    access: 'owner',
    body: strict({
      what: oneOf(['signing', 'issuing']),
      /** Milliseconds to wait for the gateways before answering; the rotation goes on all the same. 10 s unless told. */
      waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    }),
    answer: rotation,
  },
  withdrawKey: {
    method: 'POST',
    path: '/v1/admin/keys/withdraw',
    summary: 'Take a signing key out of use at once, with every grant under it (P20)',
    access: 'owner',
    body: strict({ kid: text(64) }),
    answer: strict({ signer: text(64), cut: shown.cutReport }),
  },
  takeRootKey: {
    method: 'POST',
    path: '/v1/admin/keys/root/take',
    summary: 'Move the key of the root CA into a new file, encrypted, and out of the store (P33)',
    access: 'owner',
    body: keyFile,
    answer: strict({ file: text(1024), fingerprint: text(100) }),
  },
  bringRootKey: {
    method: 'POST',
    path: '/v1/admin/keys/root/bring',
    summary: 'Read the key of the root CA back from its file',
    access: 'owner',
    body: keyFile,
    answer: strict({ fingerprint: text(100) }),
  },
  trust: {
    method: 'GET',
    path: '/v1/admin/trust',
    summary: 'Trust bundle, certificate authorities and signing keys',
    access: 'reader',
    answer: strict({
      bundle: Type.Array(pem),
      authorities: Type.Array(
        strict({
          id: text(64),
          kind: oneOf(['root', 'issuing']),
          state: text(16),
          since: time,
          endsAt: time,
          fingerprint: text(100),
          /** False for a root whose key was taken away, and for a retired CA. */
          keyHere: Type.Boolean(),
        }),
      ),
      signing: Type.Array(strict({ kid: text(64), state: text(16), since: time })),
    }),
  },
});
