import fc from 'fast-check';
import t from 'tap';
import {
  readBits,
  readBoolean,
  readChildren,
  readDer,
  readSequence,
  readTime,
  tags,
  writeDer,
} from '#shared/crypto/der.ts';
import { fromPem, toPem } from '#shared/crypto/pem.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

t.test('what is written is read back', async (t) => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(127, 128, 255, 256, 65_535, 65_536));
  fc.assert(
    fc.property(lengths, (length) => {
      const node = readDer(writeDer(tags.octetString, Buffer.alloc(length, 7)));
      return node?.tag === tags.octetString && node.content.length === length;
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), (parts) => {
      const whole = writeDer(tags.sequence, ...parts.map((part) => writeDer(tags.octetString, part)));
      const children = readSequence(whole);
      return children?.length === parts.length && parts.every((part, i) => children[i]!.content.equals(part));
    }),
  );
  t.pass();
});

t.test('any bytes are read without throwing, and only in the spelling that would be written', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const node = readDer(Buffer.from(bytes));
      if (node === undefined) return true;
      readChildren(node);
      return writeDer(node.tag, node.content).equals(bytes);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

t.test('BER that is not DER is refused', async (t) => {
  const bad = {
    empty: '',
    'no length': '30',
    'indefinite length': '30 80 00 00',
    'long form of a short length': '04 81 01 00',
    'leading zero in the length': `04 82 00 80 ${'00'.repeat(128)}`,
    'content cut off': '04 02 00',
    'something after': '04 01 00 00',
    'high tag number': '1f 81 00 00',
    'length of four bytes': '04 84 00 00 00 01 00',
  };
  for (const [what, bytes] of Object.entries(bad)) t.equal(readDer(hex(bytes)), undefined, what);
  t.equal(readDer(hex('04 01 00'), tags.sequence), undefined, 'another tag');
  t.equal(readSequence(hex('30 03 04 05 00')), undefined, 'a child beyond its parent');
  t.equal(readSequence(writeDer(tags.sequence, hex('0500 0500 0500')), 2), undefined, 'more children than expected');
});

t.test('booleans, bits and times', async (t) => {
  const at = (bytes: string) => readDer(hex(bytes))!;
  t.equal(readBoolean(at('01 01 ff')), true);
  t.equal(readBoolean(at('01 01 00')), false);
  t.equal(readBoolean(at('01 01 01')), undefined, 'true is FF in DER');
  t.same(readBits(at('03 02 07 80')), { unused: 7, bytes: hex('80') });
  t.equal(readBits(at('03 02 07 81')), undefined, 'an unused bit is set');
  t.equal(readBits(at('03 02 08 00')), undefined, 'eight unused bits');
  t.equal(readBits(at('03 01 01')), undefined, 'unused bits of nothing');
  const time = (tag: number, text: string) => readTime(readDer(writeDer(tag, Buffer.from(text)))!);
  t.equal(time(tags.utcTime, '261120175232Z'), Date.UTC(2026, 10, 20, 17, 52, 32));
  t.equal(time(tags.utcTime, '500101000000Z'), Date.UTC(1950, 0, 1));
  t.equal(time(tags.generalizedTime, '20500101000000Z'), Date.UTC(2050, 0, 1));
  for (const bad of [
    '261320175232Z',
    '260230000000Z',
    '261120175260Z',
    '2611201752Z',
    '261120175232+0100',
    '26112017523 Z',
  ]) {
    t.equal(time(tags.utcTime, bad), undefined, bad);
  }
  t.equal(time(tags.generalizedTime, '20261120175232.5Z'), undefined);
  t.equal(time(tags.octetString, '20261120175232Z'), undefined);
});

t.test('PEM holds one block and nothing else', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) =>
      fromPem('X', toPem('X', bytes))!.equals(bytes),
    ),
  );
  const pem = toPem('X', Buffer.from('hello'));
  t.same(fromPem('X', `\r\n${pem.replaceAll('\n', '\r\n')}\n`), Buffer.from('hello'), 'other line ends');
  const bad = {
    label: pem.replaceAll('X', 'Y'),
    two: pem + pem,
    before: `x${pem}`,
    alphabet: pem.replace('aG', 'a!G'),
    empty: toPem('X', Buffer.alloc(0)),
  };
  for (const [what, text] of Object.entries(bad)) t.equal(fromPem('X', text), undefined, what);
});
