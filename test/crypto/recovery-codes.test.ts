import fc from 'fast-check';
import t from 'tap';
import { hashRecoveryCode, makeRecoveryCodes, normalizeRecoveryCode } from '#shared/crypto/recovery-codes.ts';

t.test('ten readable codes of 80 bits', async (t) => {
  const codes = makeRecoveryCodes();
  t.equal(new Set(codes).size, 10);
  for (const code of codes) t.match(code, /^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
});

t.test('a code is known again however it is typed', async (t) => {
  const hash = hashRecoveryCode('7k2m-p9qx-01tw-hc8v');
  t.match(hash, /^[\w-]{43}$/);
  for (const typed of [
    '7K2M-P9QX-01TW-HC8V',
    ' 7k2mp9qx01twhc8v\n',
    '7k2m p9qx 01tw hc8v',
    '7k2m-p9qx-oltw-hc8v',
    '7k2m-p9qx-OItw-hc8v',
  ]) {
    t.equal(hashRecoveryCode(typed), hash, typed);
  }
  t.not(hashRecoveryCode('7k2m-p9qx-01tw-hc8w'), hash);
  for (const bad of [
    '',
    '7k2m-p9qx-01tw-hc8',
    '7k2m-p9qx-01tw-hc8vv',
    '7k2m-p9qx-01tw-hc8u',
    '7k2m_p9qx_01tw_hc8v',
    'x'.repeat(1e6),
  ]) {
    t.equal(hashRecoveryCode(bad), undefined);
  }
});

t.test('the normal form is its own normal form', async (t) => {
  const typed = fc.array(fc.constantFrom(...'0189ABHIJKLMNOPTUVZabhijklmnoptuvz- '), { minLength: 14, maxLength: 24 });
  fc.assert(
    fc.property(typed, (characters) => {
      const plain = normalizeRecoveryCode(characters.join(''));
      return plain === undefined || normalizeRecoveryCode(plain) === plain;
    }),
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => normalizeRecoveryCode(text) === undefined));
  t.pass();
});
