/**
 * In order: the kernel's own ruleset by nft (it shows iptables-nft, ufw and firewalld too), then the older tables of
 * iptables, both of which only root may read; then, for an agent without privilege, the word of firewalld or ufw.
 */
import { type Host, readText } from '../host.ts';
import { type Probe, type ProbeResult, unknown, verdict } from '../probe.ts';
import { parseIptablesSave } from './parse-iptables.ts';
import { parseNftRuleset } from './parse-nft.ts';

export const firewallOn: Probe<'firewallOn'> = {
  fact: 'firewallOn',
  os: 'linux',
  privilege: 'root',
  async run(host) {
    const kernel = (await byNft(host)) ?? (await byIptables(host));
    if (kernel !== undefined) return kernel;
    return (await byService(host)) ?? unknown('the rules of the kernel cannot be read');
  },
};

async function byNft(host: Host): Promise<ProbeResult<'firewallOn'> | undefined> {
  const run = await host.exec('nft', ['-j', 'list', 'ruleset']);
  const cover = run.ran && run.code === 0 ? parseNftRuleset(run.stdout) : undefined;
  if (cover === undefined) return undefined;
  if (cover.ipv4 && (cover.ipv6 || !(await speaksIpv6(host)))) return verdict<'firewallOn'>(true, 'nftables');
  // iptables-legacy keeps tables that nft does not show.
  const legacy = await savedTables(host, 'iptables-legacy-save', 'ip6tables-legacy-save');
  if (legacy === true) return verdict<'firewallOn'>(true, 'iptables');
  return verdict<'firewallOn'>(false, cover.ipv4 ? 'IPv6 is open' : 'what arrives is let in unless a rule forbids it');
}

async function byIptables(host: Host): Promise<ProbeResult<'firewallOn'> | undefined> {
  const closed = await savedTables(host, 'iptables-save', 'ip6tables-save');
  if (closed === undefined) return undefined;
  return verdict<'firewallOn'>(closed, closed ? 'iptables' : 'what arrives is let in unless a rule forbids it');
}

async function savedTables(host: Host, four: string, six: string): Promise<boolean | undefined> {
  const ipv4 = await savedTable(host, four);
  if (ipv4 !== true) return ipv4;
  return (await speaksIpv6(host)) ? await savedTable(host, six) : true;
}

async function savedTable(host: Host, file: string): Promise<boolean | undefined> {
  const run = await host.exec(file, ['-t', 'filter']);
  if (!run.ran || run.code !== 0) return undefined;
  // No filter table in the kernel: iptables-save writes nothing at all, and everything is let in.
  return run.stdout.trim() === '' && run.stderr.trim() === '' ? false : parseIptablesSave(run.stdout);
}

/** Whether any address but loopback and link-local (scopes 10 and 20) is there. Unreadable: assume so. */
async function speaksIpv6(host: Host): Promise<boolean> {
  const read = await host.readFile('/proc/net/if_inet6');
  if (!read.ok) return read.why !== 'missing';
  const rows = read.value.toString('utf8').split('\n');
  return rows.some((row) => row.trim() !== '' && !['10', '20'].includes(row.trim().split(/\s+/)[3] ?? ''));
}

/** What anyone may ask. Says `on` only, since a service that is off leaves the kernel's rules unknown. */
async function byService(host: Host): Promise<ProbeResult<'firewallOn'> | undefined> {
  const firewalld = await host.exec('firewall-cmd', ['--state']);
  if (firewalld.ran && firewalld.code === 0 && firewalld.stdout.trim() === 'running') {
    return verdict<'firewallOn'>(true, 'firewalld is running');
  }
  const ufw = await readText(host, '/etc/ufw/ufw.conf');
  if (ufw === undefined || !/^ENABLED=yes$/m.test(ufw)) return undefined;
  const service = await host.exec('systemctl', ['is-active', 'ufw.service']);
  const active = service.ran && service.code === 0 && service.stdout.trim() === 'active';
  return active ? verdict<'firewallOn'>(true, 'ufw is enabled and its service is active') : undefined;
}
