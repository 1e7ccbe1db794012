/** docs/hidden-services.md says what the code does: layout and a real knock, clocks, reasons, limits. */
import { createDecipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hour, minute, second } from '#shared/base/clock.ts';
import {
  doorModes,
  doorTimes,
  knockBytes,
  knockFields,
  knockLeap,
  knockReasons,
  knockReserve,
} from '#shared/contracts/knock.ts';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { openKnockKey } from '#shared/crypto/knock-keys.ts';
import { rulesLine } from '#shared/wire/doors/kernel-rules.ts';
import { root } from '../../support/source-tree.ts';

const page = readFileSync(join(root, 'docs/hidden-services.md'), 'utf8');
const vectors = JSON.parse(readFileSync(join(root, 'test/vectors/knock/v1/good.json'), 'utf8')) as {
  name: string;
  bytes: string;
  doorSecret: string;
}[];
/** The cells of each row under the table that begins with this head. */
function rowsUnder(head: string): string[][] {
  const [, after = ''] = page.split(`${head}\n`);
  const rows = after.split('\n').slice(1);
  return rows.slice(0, rows.indexOf('')).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

t.test('every byte of a knock, as it is and as it opens', async (t) => {
  const vector = vectors.find(({ name }) => page.includes(`\`${name}\``))!;
  t.ok(page.includes(vector.doorSecret));
  const wire = Buffer.from(vector.bytes, 'hex');
  const { client, mac, nonce } = knockFields;
  const { cipherKey } = openKnockKey(Buffer.from(vector.doorSecret, 'hex'));
  const first = wire.subarray(nonce.at, nonce.at + nonce.size);
  const opened = Buffer.from(wire);
  opened.set(createDecipheriv('aes-256-ctr', cipherKey, first).update(wire.subarray(client.at, mac.at)), client.at);
  const rows = rowsUnder('| at | size | field | on the wire | opened |');
  t.same(
    rows.map(([at, size, name]) => [name, { at: Number(at), size: Number(size) }]),
    Object.entries(knockFields),
  );
  for (const [at, size, name, onWire = '', inside = ''] of rows) {
    const part = (bytes: Buffer) => bytes.toString('hex', Number(at), Number(at) + Number(size));
    const isShown = (cell: string, bytes: Buffer) =>
      cell.endsWith('...') ? part(bytes).startsWith(cell.slice(0, -3)) && cell.length > 30 : part(bytes) === cell;
    t.ok(isShown(onWire, wire), `${name} on the wire`);
    if (inside === 'as on the wire') t.equal(part(opened), part(wire), `${name} is in the clear`);
    else t.ok(isShown(inside, opened) && part(opened) !== part(wire), `${name} opened`);
  }
  t.ok(page.includes(`${knockBytes} bytes in one datagram`));
  t.ok(page.includes(`\`${asPrelude(wire).toString('hex', 0, 2)}\``), 'the length in front of a prelude');
});

t.test('clocks, reasons, modes and limits', async (t) => {
  const spans = { s: second, min: minute, h: hour };
  const toMs = (text = '') => Number(text.split(' ')[0]) * spans[text.split(' ')[1] as keyof typeof spans];
  const clocks = rowsUnder('| door | a good time is within | a key id lives for | keys |');
  t.same(
    Object.fromEntries(
      clocks.map(([door, within, life]) => [door, { toleranceMs: toMs(within), epochMs: toMs(life) }]),
    ),
    doorTimes,
  );
  t.same(Object.fromEntries(rowsUnder('| counted as | why |')), knockReasons);
  t.ok(page.includes(`\`door: ${doorModes.join(' | ')}\``));
  t.ok(page.includes(`ahead by ${knockReserve}`) && page.includes(`leaps by ${knockLeap}`));
  const rules = rulesLine({ role: 'gateway', port: 1, ports: [1], knockPorts: [2], openSeconds: 10 });
  const [, rate, burst] = /rate over (\d+)\/second burst (\d+)/.exec(rules)!;
  t.ok(page.includes(`takes ${rate} knocks a second of one source (IPv6: of one /64), burst ${burst}`));
  t.ok(rules.includes('size 65536') && page.includes('65,536'));
});
