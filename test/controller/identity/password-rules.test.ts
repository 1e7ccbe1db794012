import t from 'tap';
import { commonPasswords } from '../../../controller/identity/common-passwords.ts';
import { checkPassword } from '../../../controller/identity/password-rules.ts';

const context = {
  organisation: 'Test Works',
  person: { id: 'nina', name: 'Nina Nakamura', email: 'n.nakamura42@test.example' },
};

t.test('NIST SP 800-63B-4: length, blocklist and names, and no rules of composition', async (t) => {
  const good = [
    'correct horse',
    'aaaaaaab',
    'zwölf Äpfel',
    '        x        y',
    'ninaisnotenough',
    'üü🔑🔒🗝🚪🏰🧱',
    'x y'.repeat(60),
  ];
  for (const password of good) t.doesNotThrow(() => checkPassword(password, context), password);
  const bad = {
    short: 'sevench',
    'eight UTF-16 units, four characters': '🔑🔒🗝🚪',
    'common, whatever its case': 'PassWord123',
    'common, with decoration': 'p-a-s-s-w-o-r-d-1-2-3!',
    'one character': 'zzzzzzzzzzzz',
    'a run': 'hijklmnop',
    'a run backwards': '98765432',
    'the name': 'Nakamura',
    'the name and a year': 'nakamura2026!',
    'the whole name': 'Nina.Nakamura7',
    'the organisation': 'TestWorks1',
    'the product': 'Postern2026',
    'too long': 'x y'.repeat(400),
    'too many bytes': '🔑🔒'.repeat(200),
  };
  for (const [name, password] of Object.entries(bad)) {
    t.throws(() => checkPassword(password, context), { code: 'factor-weak', tell: String }, name);
  }
  t.throws(() => checkPassword('e\u0301'.repeat(7), context), { code: 'factor-weak' }, 'seven characters after NFC');
});

t.test('the blocklist is in the form it is compared in', async (t) => {
  t.ok(commonPasswords.size > 300);
  for (const password of commonPasswords) if (!/^[a-z0-9]{8,}$/.test(password)) t.fail(password);
});
