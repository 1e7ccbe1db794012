import t from 'tap';
import { collect } from '../../../client-agent/posture/collect.ts';
import { probes } from '../../../client-agent/posture/probes.ts';
import { osNames, reportedFactKeys } from '../../../shared/contracts/posture.ts';
import { type FakeWorld, fakeHost, recorded } from './fake-host.ts';

async function factsOf(world: FakeWorld) {
  const facts = await collect({ host: fakeHost(world) });
  return Object.fromEntries(facts.map(({ fact, status, value }) => [fact, status === 'unknown' ? status : value]));
}

t.test('there is exactly one probe for each fact on each operating system', async (t) => {
  const rows = probes.map(({ os, fact }) => `${os} ${fact}`).sort();
  t.same(rows, osNames.flatMap((os) => reportedFactKeys.map((fact) => `${os} ${fact}`)).sort());
});

t.test('a machine that answers nothing passes nothing', async (t) => {
  for (const os of osNames) {
    const facts = await factsOf({ os });
    const good = Object.entries(facts).filter(([, value]) => value !== 'unknown' && value !== false);
    t.same(good, [['os', os]], os);
  }
});

const luks = {
  files: {
    '/proc/self/mountinfo': recorded('linux/mountinfo-luks-lvm.txt'),
    '/sys/class/block/dm-0/dm/uuid': 'CRYPT-LUKS2-4f2a5f4b0000-luks\n',
    '/sys/dev/block/253:1/dm/uuid': 'LVM-abc\n',
    '/sys/dev/block/253:2/dm/uuid': 'LVM-def\n',
  },
  dirs: {
    '/sys/dev/block/253:1': [],
    '/sys/dev/block/253:2': [],
    '/sys/dev/block/253:1/slaves': ['dm-0'],
    '/sys/dev/block/253:2/slaves': ['dm-0'],
    '/sys/class/block/dm-0': [],
  },
};

t.test(
  'Linux: LUKS below LVM is encrypted; one volume in the clear, or a chain that ends in the dark, is not',
  async (t) => {
    t.equal((await factsOf(luks))['diskEncrypted'], true);
    const spanning = { ...luks.dirs, '/sys/dev/block/253:2/slaves': ['dm-0', 'sdb1'], '/sys/class/block/sdb1': [] };
    t.equal((await factsOf({ ...luks, dirs: spanning }))['diskEncrypted'], false);
    const dark = { ...luks.files, '/sys/class/block/dm-0/dm/uuid': 'denied' as const };
    t.equal((await factsOf({ ...luks, files: dark }))['diskEncrypted'], 'unknown');
    const verity = { ...luks.files, '/sys/class/block/dm-0/dm/uuid': 'CRYPT-VERITY-00-x' };
    t.equal((await factsOf({ ...luks, files: verity }))['diskEncrypted'], false);
  },
);

t.test('Linux: the firewall as the kernel has it, and without root as the services say', async (t) => {
  const nft = (file: string) => ({ 'nft -j list ruleset': recorded(file) });
  const global6 = `20010db8000000000000000000000001 02 40 00 80 eth0\n`;
  t.equal((await factsOf({ runs: nft('linux/nft-ufw.json') }))['firewallOn'], true);
  t.equal((await factsOf({ runs: nft('linux/nft-single-addresses.json') }))['firewallOn'], false);
  t.equal((await factsOf({ runs: nft('linux/nft-jump-reject-ipv4.json') }))['firewallOn'], true);
  const open6 = { runs: nft('linux/nft-jump-reject-ipv4.json'), files: { '/proc/net/if_inet6': global6 } };
  t.equal((await factsOf(open6))['firewallOn'], false, 'IPv6 is open');
  t.equal(
    (await factsOf({ runs: { 'iptables-save -t filter': recorded('linux/iptables-ufw.txt') } }))['firewallOn'],
    true,
  );
  t.equal((await factsOf({ runs: { 'iptables-save -t filter': '' } }))['firewallOn'], false);
  t.equal((await factsOf({ uid: 1000, runs: { 'firewall-cmd --state': 'running\n' } }))['firewallOn'], true);
  const facts = await collect({ host: fakeHost({ uid: 1000 }) });
  t.match(facts.find(({ fact }) => fact === 'firewallOn')?.detail, /^needs root: /);
});

t.test('Linux: updates of known age, of stale lists and of a translated apt', async (t) => {
  const day = 86_400_000;
  const now = Date.parse('2026-11-20T12:00:00Z');
  const list = '/var/lib/apt/lists/security.ubuntu.com_ubuntu_dists_noble-security_InRelease';
  const world = (file: string, listAge: number, seenDaysAgo?: number): FakeWorld => ({
    now,
    facts: {
      '/usr/bin/apt-get': {},
      [list]: { mtimeMs: now - listAge * day },
      '/var/lib/dpkg/info/curl.list': { mtimeMs: now - 90 * day },
    },
    dirs: { '/var/lib/apt/lists': [list.split('/').at(-1)!, 'partial'] },
    runs: { 'apt-get -s': recorded(file) },
    seen:
      seenDaysAgo === undefined
        ? {}
        : {
            'curl 8.5.0-2ubuntu10.5': now - seenDaysAgo * day,
          },
  });
  const ages = async (w: FakeWorld) => {
    const facts = await factsOf(w);
    return [facts['patchAgeDays'], facts['osUpdated']];
  };
  t.same(await ages(world('linux/apt-none.txt', 1)), [0, true]);
  t.same(await ages(world('linux/apt-ubuntu.txt', 1, 3)), [3, true], 'seen to come 3 days ago');
  t.same(await ages(world('linux/apt-ubuntu.txt', 1, 20)), [20, false]);
  t.same(
    await ages(world('linux/apt-ubuntu.txt', 1)),
    [90, false],
    'there at the first look: since the package changed',
  );
  t.same(await ages(world('linux/apt-none.txt', 8)), ['unknown', 'unknown'], 'a stale list says nothing');
  t.same(await ages(world('linux/apt-german.txt', 1)), ['unknown', 'unknown']);
});

t.test('Linux: screen locks of desktops', async (t) => {
  const gnome = (locks: string, delay: string, idle: string) => ({
    env: { XDG_CURRENT_DESKTOP: 'ubuntu:GNOME' },
    runs: {
      'get org.gnome.desktop.screensaver lock-enabled': locks,
      'get org.gnome.desktop.screensaver lock-delay': delay,
      'get org.gnome.desktop.session idle-delay': idle,
    },
  });
  const lock = async (world: FakeWorld) => {
    const facts = await factsOf(world);
    return [facts['screenLock'], facts['screenLockSeconds']];
  };
  t.same(await lock(gnome('true\n', 'uint32 30\n', 'uint32 300\n')), [true, 330]);
  t.same(await lock(gnome('true\n', 'uint32 30\n', 'uint32 0\n')), [false, 86_400], 'never idle');
  t.same(await lock(gnome('false\n', 'uint32 0\n', 'uint32 300\n')), [false, 86_400]);
  t.same(await lock(gnome('vrai\n', 'uint32 0\n', 'uint32 300\n')), ['unknown', 'unknown']);
  const kde = { env: { XDG_CURRENT_DESKTOP: 'KDE', HOME: '/home/a' } };
  t.same(await lock({ ...kde, files: { '/home/a/.config/kscreenlockerrc': recorded('linux/kde-10min.txt') } }), [
    true,
    600,
  ]);
  t.same(await lock({ ...kde, files: { '/home/a/.config/kscreenlockerrc': 'denied' } }), ['unknown', 'unknown']);
  t.same(await lock({ env: { XDG_CURRENT_DESKTOP: 'sway' } }), ['unknown', 'unknown']);
});

t.test('Linux: secure boot, support, protection', async (t) => {
  const variable = (name: string) => `/sys/firmware/efi/efivars/${name}-8be4df61-93ca-11d2-aa0d-00e098032b8c`;
  const boot = async (secure: number[], setup: number[]) => {
    const files = { [variable('SecureBoot')]: Buffer.from(secure), [variable('SetupMode')]: Buffer.from(setup) };
    return (await factsOf({ files, dirs: { '/sys/firmware/efi': [] } }))['secureBoot'];
  };
  t.equal(await boot([6, 0, 0, 0, 1], [6, 0, 0, 0, 0]), true);
  t.equal(await boot([6, 0, 0, 0, 0], [6, 0, 0, 0, 0]), false);
  t.equal(await boot([6, 0, 0, 0, 1], [6, 0, 0, 0, 1]), false, 'setup mode');
  t.equal(await boot([6, 0, 0, 0], [6, 0, 0, 0, 0]), 'unknown');
  const supported = async (file: string, now: string) =>
    (await factsOf({ now: Date.parse(now), files: { '/etc/os-release': recorded(file) } }))['osSupported'];
  t.equal(await supported('linux/os-release-debian12.txt', '2026-11-20'), true);
  t.equal(await supported('linux/os-release-debian12.txt', '2028-07-02'), false);
  t.equal(await supported('linux/os-release-arch.txt', '2026-11-20'), 'unknown');
  t.equal(await supported('linux/os-release-fedora-next.txt', '2027-11-20'), true, 'by its own SUPPORT_END');
  t.equal(await supported('linux/os-release-fedora-next.txt', '2027-12-20'), false);
  const process = async (dirs: string[]) =>
    (await factsOf({ dirs: { '/proc': dirs }, files: { '/proc/7/comm': 'sentinelone-age\n' } }))['antivirusOn'];
  t.equal(await process(['1', '7', 'self']), true, 'names are cut at 15');
  t.equal(await process(['1']), false);
  t.equal(await process(['8']), 'unknown', 'hidden processes');
});
