import fc from 'fast-check';
import t from 'tap';
import { GrowingNumber } from '#shared/base/growing-number.ts';

t.test('it is the text that String makes, whatever came before', async (t) => {
  const number = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 3000 }),
    fc.integer({ min: 1_764_000_000_000, max: 1_764_000_003_000 }),
    fc.double(),
    fc.constantFrom(
      0,
      -0,
      -1,
      -1000,
      999,
      1000,
      1001,
      999_999,
      1_000_000,
      2 ** 53 - 1,
      2 ** 53,
      1e21,
      Number.NaN,
      Infinity,
    ),
  );
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (values) => {
      const growing = new GrowingNumber();
      return values.every((value) => growing.text(value) === String(value));
    }),
  );
  t.pass();
});
