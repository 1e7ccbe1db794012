/**
 * A small strict reader and writer for DER (X.690), for the few structures judged on a hot path: our own leaves and
 * certificate requests. Strict means: definite minimal lengths, low tag numbers, nothing left over. Two readings of one
 * certificate are how a check is walked around, so whatever is not plain DER is unreadable.
 */

export interface DerNode {
  /** Identifier octet: class, constructed bit and number. */
  readonly tag: number;
  readonly content: Buffer;
  /** The whole element, header included. */
  readonly whole: Buffer;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

interface Element {
  readonly node: DerNode;
  readonly end: number;
}

function readElement(bytes: Buffer, start: number): Element | undefined {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let length = first;
  let contentStart = start + 2;
  if (first >= 0x80) {
    // 0x80 is BER's indefinite length. Three length bytes (16 MB) are more than any caller's size cap.
    const count = first & 0x7f;
    if (count === 0 || count > 3 || contentStart + count > bytes.length) return undefined;
    length = bytes.readUIntBE(contentStart, count);
    contentStart += count;
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) return undefined;
  }
  const end = contentStart + length;
  if (end > bytes.length) return undefined;
  return { node: { tag, content: bytes.subarray(contentStart, end), whole: bytes.subarray(start, end) }, end };
}

/** Reads exactly one element with nothing after it; undefined when it is anything else or has another tag. */
export function readDer(bytes: Buffer, tag?: number): DerNode | undefined {
  const element = readElement(bytes, 0);
  if (element === undefined || element.end !== bytes.length) return undefined;
  return tag === undefined || element.node.tag === tag ? element.node : undefined;
}

/** The elements inside a constructed node, at most `max`; undefined when they do not fill it exactly. */
export function readChildren(node: DerNode, max = 64): DerNode[] | undefined {
  const children: DerNode[] = [];
  let at = 0;
  while (at < node.content.length) {
    const element = readElement(node.content, at);
    if (element === undefined || children.length === max) return undefined;
    children.push(element.node);
    at = element.end;
  }
  return children;
}

/** The children of a SEQUENCE that fills `bytes`. */
export function readSequence(bytes: Buffer, max?: number): DerNode[] | undefined {
  const node = readDer(bytes, tags.sequence);
  return node === undefined ? undefined : readChildren(node, max);
}

/** DER BOOLEAN: one byte, 00 or FF and nothing else (X.690 section 11.1). */
export function readBoolean(node: DerNode): boolean | undefined {
  if (node.tag !== tags.boolean || node.content.length !== 1) return undefined;
  if (node.content[0] === 0xff) return true;
  return node.content[0] === 0 ? false : undefined;
}

/** Bytes of a BIT STRING and how many bits of the last one are unused. */
export function readBits(node: DerNode): { unused: number; bytes: Buffer } | undefined {
  const unused = node.content[0];
  if (node.tag !== tags.bitString || unused === undefined || unused > 7) return undefined;
  const bytes = node.content.subarray(1);
  if (bytes.length === 0 && unused !== 0) return undefined;
  // DER: unused bits are zero, so that one value has one spelling.
  if (bytes.length > 0 && (bytes[bytes.length - 1]! & ((1 << unused) - 1)) !== 0) return undefined;
  return { unused, bytes };
}

const timePattern = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** UTCTime or GeneralizedTime in the only forms RFC 5280 section 4.1.2.5 allows; milliseconds since the epoch. */
export function readTime(node: DerNode): number | undefined {
  let text = node.content.toString('latin1');
  if (node.tag === tags.utcTime) {
    if (text.length !== 13) return undefined;
    text = (Number(text.slice(0, 2)) >= 50 ? '19' : '20') + text;
  } else if (node.tag !== tags.generalizedTime) return undefined;
  const match = timePattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC carries over (month 13, 31 February): refuse what does not read back as itself.
  const same = new Date(ms).toISOString() === text.replace(timePattern, '$1-$2-$3T$4:$5:$6.000Z');
  return same ? ms : undefined;
}

export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const header = Buffer.alloc(2 + size, tag);
  header[1] = 0x80 | size;
  header.writeUIntBE(length, 2, size);
  return Buffer.concat([header, content]);
}
