/**
 * Whose a DNS query is (P30). The system's resolver asks under an account of its own, so not only this user is served: this user, root
 * and the accounts of system services are. Other people of this machine are refused where the kernel tells (Linux); through the
 * system's resolver they learn what it is told, which names are this person's.
 */
import type { Endpoint } from '../from-apps/proc-net-rows.ts';
import { findRows, type SocketRow } from '../from-apps/proc-net-rows.ts';
import { SharedReads } from '../from-apps/shared-reads.ts';
import type { Transport } from './answer-query.ts';

/** `uid` is undefined where nobody can tell. */
export type Asker = { readonly may: true; readonly uid: number | undefined } | { readonly may: false };
export type WhoAsks = (transport: Transport, from: Endpoint, to: Endpoint) => Promise<Asker>;

export interface WhoAsksParts {
  readonly platform: NodeJS.Platform;
  readonly uid: number | undefined;
  readonly isOverflow: boolean;
  readonly readTable: (path: string) => Promise<string>;
}

/** login.defs(5) SYS_UID_MAX as every distribution has it. */
const maxSystemUid = 999;
/** The table is not one snapshot: the kernel may skip a row while others come and go. */
const attempts = 3;

export function createWhoAsks({ platform, uid, isOverflow, readTable }: WhoAsksParts): WhoAsks {
  if (platform !== 'linux' || uid === undefined || isOverflow) return async () => ({ may: true, uid: undefined });
  const tables = new SharedReads(readTable);
  return async (transport, from, to) => {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const rows = await (transport === 'tcp' ? tcpRows : udpRows)(tables, from, to);
      if (rows.length > 0) return judge(rows, uid);
    }
    return { may: false };
  };
}

/** Several sockets can share a port: each of them must be of somebody who may ask. */
function judge(rows: readonly SocketRow[], own: number): Asker {
  const may = rows.every((row) => row.inode > 0 && (row.uid === own || row.uid <= maxSystemUid));
  return may ? { may, uid: rows[0]!.uid } : { may: false };
}

async function tcpRows(tables: SharedReads, from: Endpoint, to: Endpoint): Promise<SocketRow[]> {
  const rows = findRows(await tables.read('/proc/net/tcp'), from, to, false);
  return rows.length > 0 ? rows : findRows(await tables.read('/proc/net/tcp6'), from, to, true);
}

const anywhere: Endpoint = { address: '0.0.0.0', port: 0 };
const anywhere6: Endpoint = { address: '::', port: 0 };

/** A socket for datagrams need be neither bound to its address nor connected. */
async function udpRows(tables: SharedReads, from: Endpoint, to: Endpoint): Promise<SocketRow[]> {
  const table = await tables.read('/proc/net/udp');
  const wild = { address: anywhere.address, port: from.port };
  const rows = [from, wild].flatMap((local) =>
    [to, anywhere].flatMap((remote) => findRows(table, local, remote, false)),
  );
  if (rows.length > 0) return rows;
  const table6 = await tables.read('/proc/net/udp6');
  const wild6 = { address: anywhere6.address, port: from.port };
  return [from, wild6].flatMap((local) => [to, anywhere6].flatMap((remote) => findRows(table6, local, remote, true)));
}
