/**
 * The one spelling of a network address: without the IPv4-in-IPv6 prefix of dual-stack sockets and without a zone, which means
 * nothing to another host; lower case. Policies, grants and gates compare addresses, so all of them must spell alike.
 */
export function plainAddress(address: string): string {
  // Already plain, as nearly all are: asked several times in each request.
  if (ipv4.test(address)) return address;
  const zoneless = address.split('%', 1)[0]!.toLowerCase();
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(zoneless)?.[1] ?? zoneless;
}

const ipv4 = /^[0-9.]+$/;
