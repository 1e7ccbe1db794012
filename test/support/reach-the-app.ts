/** The app's network is the gateway's: a gateway on the controller's host reaches it through that host. */
import { mustRun } from './namespace-host.ts';
import { addresses, type Perimeter } from './perimeter-hosts.ts';

export async function reachTheApp({ controller, gateway, app }: Perimeter): Promise<void> {
  await mustRun(gateway, 'echo 1 >/proc/sys/net/ipv4/ip_forward');
  await mustRun(controller, `ip route add 10.9.0.0/24 via ${addresses.gateway.ipv4}`);
  await mustRun(app, 'ip route add 203.0.113.0/24 via 10.9.0.1');
}
