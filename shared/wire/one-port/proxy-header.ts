/**
 * The two ends of a connection that is handed over, as the PROXY protocol (version 2) writes them: 16 bytes of head and 36 of IPv6
 * addresses and ports, IPv4 mapped into it. Of all that the protocol allows this one form is taken, which is always as long.
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2
 */
import { addressToBytes, bytesToAddress } from '../../base/address-bytes.ts';

export interface End {
  readonly address: string;
  readonly port: number;
}

export interface Ends {
  readonly remote: End;
  readonly local: End;
}

/** Signature, version 2 with the command PROXY, TCP over IPv6, 36 bytes that follow. */
const head = Buffer.from('0d0a0d0a000d0a515549540a21210024', 'hex');
export const proxyHeaderBytes = head.length + 36;

/** Undefined for ends that are no addresses. */
export function writeProxyHeader({ remote, local }: Ends): Buffer | undefined {
  const from = addressToBytes(remote.address);
  const to = addressToBytes(local.address);
  if (from === undefined || to === undefined) return undefined;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(remote.port, 0);
  ports.writeUInt16BE(local.port, 2);
  return Buffer.concat([head, from, to, ports]);
}

/** Of exactly `proxyHeaderBytes`. Undefined for anything else. */
export function readProxyHeader(bytes: Buffer): Ends | undefined {
  if (bytes.length !== proxyHeaderBytes || !bytes.subarray(0, head.length).equals(head)) return undefined;
  const at = (from: number): string => bytesToAddress(bytes.subarray(from, from + 16));
  return {
    remote: { address: at(16), port: bytes.readUInt16BE(48) },
    local: { address: at(32), port: bytes.readUInt16BE(50) },
  };
}
