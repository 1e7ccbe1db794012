/**
 * Knocks of a session at a gateway's door, written with what the controller's own store tells, and brought to the door by hand: what an
 * agent does that will not hear that its session is over. Run as a program it is the one in the host that brings them.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fromBase64url } from '#shared/base/bytes.ts';
import { doorTimes } from '#shared/contracts/knock.ts';
import { asPrelude, encodeKnock } from '#shared/crypto/encode-knock.ts';
import { openKnockKey } from '#shared/crypto/knock-keys.ts';
import { openKnockSecrets } from '../../controller/authority/knock-secrets.ts';
import { openSealer } from '../../controller/authority/master-key.ts';
import { databaseName } from '../../controller/init.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { mustRun, type NamespaceHost } from './namespace-host.ts';

export interface HeldKey {
  readonly device: string;
  /** Base64url, of this door. */
  readonly secret: string;
}

/** `dir` of the controller. */
export async function heldKey(dir: string, { session, device }: { session: string; device: string }): Promise<HeldKey> {
  const store = await openStore(join(dir, databaseName));
  try {
    const secrets = await openKnockSecrets({ db: store.db, sealer: openSealer({ dir, env: {}, create: false }) });
    return { device, secret: secrets.ofSessionAt(session, 'gw-main') };
  } finally {
    await store.stop();
  }
}

export interface DoorPlace {
  readonly host: string;
  readonly tcp: number;
  /** The knock by UDP before it; none at a door that is the prelude alone. */
  readonly udp?: number;
}

/** What a TLS greeting behind a knock gets: `nothing` at all, `silence` on a connection, or an `answer`. */
export async function knockByHand(from: NamespaceHost, { device, secret }: HeldKey, place: DoorPlace): Promise<string> {
  const key = openKnockKey(fromBase64url(secret)!);
  const knock = () => {
    const now = Date.now();
    return encodeKnock(key, doorTimes.gateway, { client: `device/${device}`, time: now, counter: now, kind: 'mutual' });
  };
  const datagram = knock();
  // Another counter, as these are milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 2));
  const order = { place, datagram: datagram.toString('base64'), prelude: asPrelude(knock()).toString('base64') };
  const line = `${process.execPath} ${import.meta.filename} '${JSON.stringify(order)}'`;
  return (await mustRun(from, line)).trim();
}

async function bring(order: { place: DoorPlace; datagram: string; prelude: string }): Promise<string> {
  const { host, tcp, udp } = order.place;
  if (udp !== undefined) {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise((resolve) => socket.send(Buffer.from(order.datagram, 'base64'), udp, host, resolve));
    socket.close();
  }
  const raw = connect({ host, port: tcp }).on('error', () => {});
  let isConnected = false;
  raw.once('connect', () => {
    isConnected = true;
    raw.write(Buffer.from(order.prelude, 'base64'));
    connectTls({ socket: raw, rejectUnauthorized: false }).on('error', () => {});
  });
  // The kernel repeats a SYN after a second.
  const timer = setTimeout(() => raw.destroy(), 4000);
  while (!raw.destroyed && raw.bytesRead === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  clearTimeout(timer);
  raw.destroy();
  return raw.bytesRead > 0 ? 'answer' : isConnected ? 'silence' : 'nothing';
}

if (process.argv[1] === import.meta.filename) console.log(await bring(JSON.parse(process.argv[2]!)));
