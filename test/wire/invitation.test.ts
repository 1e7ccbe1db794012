import t from 'tap';
import { randomSecret, toBase64url } from '../../shared/base/bytes.ts';
import type { Invitation } from '../../shared/contracts/invitation.ts';
import { decodeInvitation, encodeInvitation } from '../../shared/wire/invitation.ts';

const good: Invitation = {
  v: 1,
  u: '127.0.0.1:8442',
  c: 'controller.example:8443',
  p: 'ab'.repeat(32),
  k: randomSecret(16),
  r: 'device',
  o: 'Ärzte & Co',
};
const textOf = (value: unknown) => `postern-invite:${toBase64url(Buffer.from(JSON.stringify(value)))}`;
const refusal = { code: 'code-refused' };

t.test('an invitation reads back as it was written, wrapped lines included', async (t) => {
  const text = encodeInvitation(good);
  t.match(text, /^postern-invite:[A-Za-z0-9_-]+$/);
  t.same(decodeInvitation(text), good);
  t.same(decodeInvitation(`  ${text.slice(0, 40)}\r\n ${text.slice(40)}\n`), good);
  const { c: _, ...bare } = good;
  t.same(decodeInvitation(encodeInvitation(bare)), bare);
});

t.test('what is not exactly an invitation is refused, and the refusal never quotes it', async (t) => {
  const bad: Record<string, string> = {
    empty: '',
    'no prefix': encodeInvitation(good).slice('postern-invite:'.length),
    'other prefix': encodeInvitation(good).replace('postern-invite', 'Postern-Invite'),
    'a character lost': encodeInvitation(good).slice(0, -1),
    padding: `${encodeInvitation(good)}=`,
    'not JSON': `postern-invite:${toBase64url(Buffer.from(`{"k":"${good.k}"`))}`,
    array: textOf([good]),
    'another version': textOf({ ...good, v: 2 }),
    'unknown member': textOf({ ...good, x: 1 }),
    'short code': textOf({ ...good, k: 'abc' }),
    'no pin': textOf({ ...good, p: undefined }),
    'short pin': textOf({ ...good, p: 'ab' }),
    'another role': textOf({ ...good, r: 'controller' }),
    'address with a path': textOf({ ...good, u: 'host:1/x' }),
    'too long': textOf({ ...good, o: 'x'.repeat(3000) }),
    'far too long': 'x'.repeat(1_000_000),
  };
  for (const [name, text] of Object.entries(bad)) {
    t.throws(() => decodeInvitation(text), refusal, name);
    try {
      decodeInvitation(text);
    } catch (error) {
      t.notMatch(`${(error as Error).message} ${String((error as Error).cause)}`, good.k, `${name}: no secret`);
    }
  }
});

t.test('an invitation that nobody could read is not written', async (t) => {
  t.throws(() => encodeInvitation({ ...good, o: '' }), { code: 'internal' });
  t.throws(() => encodeInvitation({ ...good, k: 'short' }), { code: 'internal' });
});
