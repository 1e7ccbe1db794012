/**
 * A witness by the word of C2SP tlog-witness and tlog-cosignature, with nothing of ours: notes are taken apart and signatures made by hand, and
 * consistency is verified by following the recursion of RFC 6962 section 2.1.2.
 */
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export interface TestWitness {
  readonly url: string;
  /** Its public key in the form of notes. */
  readonly key: string;
  /** Status of each answer. */
  readonly answers: number[];
  /** The newest that it signed, by origin. */
  readonly signed: Map<string, { size: number; root: string; note: string }>;
  /** While it is set, every call gets this status. */
  failing: number | undefined;
  /** While it is set, what it signs is answered in this way; `line` is a good one of this time (seconds). */
  lies: ((line: (time: number) => string) => string) | undefined;
  /** While it is set, no answer comes before it is settled. */
  slow: Promise<unknown> | undefined;
  /** Believes the log that has this key. */
  trust(logKey: string): void;
}

const sha = (...parts: Uint8Array[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const split = (n: number) => 2 ** Math.ceil(Math.log2(n) - 1);

function consistent(m: number, n: number, oldRoot: Buffer, proof: Buffer[]): [Buffer, Buffer] | undefined {
  const take = (): Buffer => {
    const hash = proof.pop();
    if (hash?.length !== 32) throw new Error('the proof is too short');
    return hash;
  };
  const sub = (size: number, to: number, whole: boolean): [Buffer, Buffer] => {
    if (size === to) {
      const hash = whole ? oldRoot : take();
      return [hash, hash];
    }
    const k = split(to);
    const other = take();
    if (size <= k) {
      const [before, now] = sub(size, k, whole);
      return [before, sha(Buffer.from([1]), now, other)];
    }
    const [before, now] = sub(size - k, to - k, false);
    return [sha(Buffer.from([1]), other, before), sha(Buffer.from([1]), other, now)];
  };
  try {
    const roots = sub(m, n, true);
    return proof.length === 0 ? roots : undefined;
  } catch {
    return undefined;
  }
}

const keyId = (name: string, kind: number, raw: Uint8Array) =>
  sha(Buffer.from(`${name}\n`), Buffer.from([kind]), raw).subarray(0, 4);
const spki = (raw: Uint8Array) =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' });

export async function startWitness(
  t: Test,
  name = 'witness.example/w1',
  now = () => Math.floor(Date.now() / 1000),
): Promise<TestWitness> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const id = keyId(name, 4, raw);
  const logs = new Map<string, { id: string; raw: Buffer }>();

  const addCheckpoint = (body: string): { status: number; text?: string; type?: string } => {
    const gap = body.indexOf('\n\n');
    const [oldLine = '', ...proofLines] = body.slice(0, gap).split('\n');
    const note = body.slice(gap + 2);
    const end = note.indexOf('\n\n');
    const text = note.slice(0, end + 1);
    const [origin = '', sizeText = '', root = ''] = text.split('\n');
    const old = /^old (0|[1-9]\d*)$/.exec(oldLine);
    if (gap < 0 || end < 0 || old === null || proofLines.length > 63) return { status: 400 };
    const log = logs.get(origin);
    if (log === undefined) return { status: 404 };
    const lines = note
      .slice(end + 2)
      .split('\n')
      .slice(0, -1);
    const good = lines.some((line) => {
      const [, by, sig = ''] = line.split(' ');
      const bytes = Buffer.from(sig, 'base64');
      return (
        by === origin &&
        bytes.subarray(0, 4).toString('hex') === log.id &&
        verify(null, Buffer.from(text), spki(log.raw), bytes.subarray(4))
      );
    });
    if (!good) return { status: 403 };
    const [size, from] = [Number(sizeText), Number(old[1])];
    if (from > size) return { status: 400 };
    const last = witness.signed.get(origin) ?? { size: 0, root: '', note: '' };
    if (from !== last.size) return { status: 409, text: `${last.size}\n`, type: 'text/x.tlog.size' };
    const proof = proofLines.map((line) => Buffer.from(line, 'base64'));
    if (from === 0 || from === size) {
      if (proof.length > 0) return { status: 422 };
      if (from === size && from > 0 && root !== last.root) return { status: 409 };
    } else {
      const roots = consistent(from, size, Buffer.from(last.root, 'base64'), proof);
      if (roots?.[0].toString('base64') !== last.root || roots[1].toString('base64') !== root) return { status: 422 };
    }
    const line = (time: number): string => {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(time));
      const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), privateKey);
      return `— ${name} ${Buffer.concat([id, stamp, signature]).toString('base64')}\n`;
    };
    const own = line(now());
    witness.signed.set(origin, { size, root, note: `${note}${own}` });
    // A stranger's line comes with it, which clients ignore.
    const honest = `${own}— other.example ${Buffer.alloc(76, 7).toString('base64')}\n`;
    return { status: 200, text: witness.lies?.(line) ?? honest };
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      await witness.slow;
      const isCall = request.method === 'POST' && request.url === '/add-checkpoint';
      const {
        status,
        text = '',
        type = 'text/plain',
      } = witness.failing !== undefined
        ? { status: witness.failing }
        : isCall
          ? addCheckpoint(Buffer.concat(chunks).toString())
          : { status: 404 };
      witness.answers.push(status);
      response.writeHead(status, { 'content-type': type }).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const witness: TestWitness = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.from([4]), raw]).toString('base64')}`,
    answers: [],
    signed: new Map(),
    failing: undefined,
    lies: undefined,
    slow: undefined,
    trust(logKey) {
      const [, origin = '', hex = '', key = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(logKey) ?? [];
      logs.set(origin, { id: hex, raw: Buffer.from(key, 'base64').subarray(1) });
    },
  };
  return witness;
}
