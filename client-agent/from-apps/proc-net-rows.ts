/** Rows of Linux's `/proc/net/tcp` and `tcp6` (proc(5)): who owns the far end of a local connection. Pure. */
import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface SocketRow {
  readonly uid: number;
  /** 0 when no process holds the socket any more; its uid then reads 0 and means nobody. */
  readonly inode: number;
}

/**
 * The rows of the socket at `local` that is connected to `remote`, in whatever state: one that has ended its half is still
 * somebody's. `table` is the text of the file that fits the addresses.
 */
export function findRows(table: string, local: Endpoint, remote: Endpoint, mapped: boolean): SocketRow[] {
  const wanted = ` ${hexEndpoint(local, mapped)} ${hexEndpoint(remote, mapped)} `;
  const rows: SocketRow[] = [];
  for (let at = table.indexOf(wanted); at >= 0; at = table.indexOf(wanted, at + 1)) {
    const end = table.indexOf('\n', at);
    // state, tx:rx queues, timer:when, retransmits, uid, timeout, inode
    const fields = table
      .slice(at + wanted.length, end < 0 ? undefined : end)
      .trim()
      .split(/\s+/);
    rows.push({ uid: readNumber(fields[4]), inode: readNumber(fields[6]) });
  }
  return rows;
}

/** A field that is no number matches no uid and counts as no inode. */
function readNumber(field: string | undefined): number {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : Number.NaN;
}

/** `mapped`: an IPv4 address in the form that an IPv6 socket has of it. */
export function hexEndpoint({ address, port }: Endpoint, mapped: boolean): string {
  const bytes = addressBytes(address, mapped);
  return `${hexWords(bytes)}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The kernel prints each 32-bit word as a number of its own byte order. */
function hexWords(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = endianness() === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    text += word.toString(16).toUpperCase().padStart(8, '0');
  }
  return text;
}

function addressBytes(address: string, mapped: boolean): Buffer {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) {
    const four = Buffer.from(plain.split('.').map(Number));
    return mapped ? Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), four]) : four;
  }
  return ipv6Bytes(address.split('%', 1)[0]!);
}

function ipv6Bytes(address: string): Buffer {
  const [left = '', right] = address.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const head = groups(left);
  const tail = groups(right);
  const all = right === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill(0), ...tail];
  const bytes = Buffer.alloc(16);
  for (const [index, group] of all.entries()) bytes.writeUInt16BE(group, index * 2);
  return bytes;
}
