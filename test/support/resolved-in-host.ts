/** A systemd-resolved of its own in a host of namespaces, which asks one server for everything. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, type NamespaceHost } from './namespace-host.ts';
import { findProgram } from './programs.ts';

const bus = `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>`;

export async function startResolved(host: NamespaceHost, server: string): Promise<void> {
  // The commands of postern look in the system's places alone, of which such a host has /usr/local/bin for itself.
  copyFileSync(findProgram('resolvectl')!, join(host.dir, 'resolvectl'));
  writeFileSync(join(host.dir, 'bus.conf'), bus);
  await mustRun(
    host,
    `install -m 755 ${host.dir}/resolvectl /usr/local/bin/ &&
mount -t tmpfs tmpfs /run && mount -t sysfs sysfs /sys &&
mkdir -p /run/dbus /run/systemd/resolve /run/systemd/netif/links /run/systemd/resolved.conf.d &&
(id systemd-resolve >/dev/null 2>&1 || useradd --system --no-create-home systemd-resolve) && chown systemd-resolve: /run/systemd/resolve &&
printf '[Resolve]\\nDNS=${server}\\nFallbackDNS=\\n' >/run/systemd/resolved.conf.d/world.conf && echo 'nameserver 127.0.0.53' >/etc/resolv.conf`,
  );
  host.start(`dbus-daemon --config-file=${host.dir}/bus.conf --nofork --nopidfile`);
  await mustRun(host, 'for i in $(seq 200); do [ -S /run/dbus/system_bus_socket ] && exit; sleep 0.1; done; exit 1');
  host.start(findProgram('systemd-resolved')!);
  await mustRun(host, 'for i in $(seq 200); do resolvectl status >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1');
}
