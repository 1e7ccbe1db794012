/** Property tests of the text forms on the wire: what is written is read back, however the bytes are cut, and garbage never throws anything but our errors. */
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import type { Invitation } from '#shared/contracts/invitation.ts';
import { decodeInvitation, encodeInvitation } from '#shared/wire/invitation.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { readSse } from '#shared/wire/sse.ts';

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const address = fc
  .tuple(fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,60}$/), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `${host}:${port}`);
const invitation: fc.Arbitrary<Invitation> = fc
  .record({
    u: address,
    c: address,
    p: hex,
    k: fc.stringMatching(/^[A-Za-z0-9_-]{22,86}$/),
    r: fc.constantFrom('device' as const, 'gateway' as const),
    o: fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }).filter((name) => name.length <= 200),
  })
  .map((made) => ({ v: 1, ...made }));

t.test('an invitation is read back, whatever white space a mail program put into it', async (t) => {
  fc.assert(
    fc.property(invitation, fc.nat(300), (value, at) => {
      const text = encodeInvitation(value);
      const wrapped = ` ${text.slice(0, at)}\r\n\t${text.slice(at)}\n`;
      return (
        JSON.stringify(decodeInvitation(wrapped)) === JSON.stringify(decodeInvitation(text)) &&
        decodeInvitation(text).k === value.k
      );
    }),
  );
  t.pass('the property held');
});

t.test('a changed invitation is refused or says what it said, and no error quotes it', async (t) => {
  fc.assert(
    fc.property(invitation, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (value, at, mark) => {
      const text = encodeInvitation(value);
      const changed = text.slice(0, at % text.length) + mark + text.slice((at % text.length) + 1);
      try {
        decodeInvitation(changed);
        return true;
      } catch (error) {
        return (
          error instanceof PosternError && error.code === 'code-refused' && !String(error.message).includes(value.k)
        );
      }
    }),
  );
  t.throws(() => decodeInvitation('postern-invite:e30'), { code: 'code-refused' });
});

/** The same bytes in pieces of any size. */
async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = 1 + (sizes[turn % Math.max(1, sizes.length)] ?? 0);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const sizes = fc.array(fc.nat(20), { maxLength: 10 });

t.test('NDJSON is read back however it is cut, inside a code point too', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), sizes, async (values, pieces) => {
      const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
      const read: unknown[] = [];
      for await (const value of readNdjson(cut(Buffer.from(text), pieces))) read.push(value);
      return JSON.stringify(read) === JSON.stringify(values);
    }),
  );
  t.pass('the property held');
});

t.test('events are read back however they are cut', async (t) => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n\0]/g, ''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(line, { minLength: 1 })), sizes, async (events, pieces) => {
      const text = events.map((lines) => `: noise\n${lines.map((part) => `data: ${part}\n`).join('')}\n`).join('');
      const read: string[] = [];
      for await (const { data } of readSse(cut(Buffer.from(text), pieces))) read.push(data);
      return JSON.stringify(read) === JSON.stringify(events.map((lines) => lines.join('\n')));
    }),
  );
  t.pass('the property held');
});
