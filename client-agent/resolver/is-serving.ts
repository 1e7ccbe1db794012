/**
 * Whether the DNS server of one user listens at an address, as the kernel tells: any other user could listen there while the agent
 * does not, and would be asked for every name of the zones.
 */
import { readFile } from 'node:fs/promises';
import { type Endpoint, findRows } from '../from-apps/proc-net-rows.ts';
import type { Wanted } from './plan.ts';

const tables = ['/proc/net/udp', '/proc/net/tcp'] as const;
const nobody: Endpoint = { address: '0.0.0.0', port: 0 };

export async function isServing({ host, port }: Wanted['server'], uid: number): Promise<boolean> {
  const rows = await Promise.all(
    tables.map(async (table) => {
      const text = await readFile(table, 'latin1').catch(() => '');
      return findRows(text, { address: host, port }, nobody, false);
    }),
  );
  return rows.every((own) => own.length > 0 && own.every((row) => row.uid === uid && row.inode > 0));
}
