/**
 * Encryption of the file systems that hold the system and people's data: root, /home and /var, each where it is a mount
 * of its own. Drives that encrypt by themselves (OPAL) are not seen: they show the same to a thief who has the key chip.
 */
import { type Host, outputOf } from '../host.ts';
import { type Probe, unknown, verdict } from '../probe.ts';
import { isEncrypted } from './block-chain.ts';
import { type Mount, parseMountinfo } from './parse-mountinfo.ts';

const judged = ['/', '/home', '/var'] as const;

export const diskEncrypted: Probe<'diskEncrypted'> = {
  fact: 'diskEncrypted',
  os: 'linux',
  privilege: 'none',
  async run(host) {
    const read = await host.readFile('/proc/self/mountinfo');
    const mounts = read.ok ? parseMountinfo(read.value.toString('utf8')) : undefined;
    if (mounts === undefined) return unknown('the list of mounts cannot be read');
    const open: string[] = [];
    const unclear: string[] = [];
    for (const point of judged) {
      const mount = mounts.get(point);
      if (mount === undefined) continue;
      const encrypted = await mountEncrypted(host, mount);
      if (encrypted === false) open.push(point);
      if (encrypted === undefined) unclear.push(`${point} (${mount.type})`);
    }
    if (open.length > 0) return verdict<'diskEncrypted'>(false, `not encrypted: ${open.join(', ')}`);
    if (unclear.length > 0) return unknown(`cannot be told for ${unclear.join(', ')}`);
    return verdict<'diskEncrypted'>(true);
  },
};

async function mountEncrypted(host: Host, mount: Mount): Promise<boolean | undefined> {
  if (mount.type === 'zfs') return await zfsEncrypted(host, mount.source);
  if (!mount.device.startsWith('0:')) return await isEncrypted(host, mount.device);
  // btrfs numbers its mounts itself and may lie on several devices; only the first is named here.
  if (mount.type !== 'btrfs' || !mount.source.startsWith('/dev/')) return undefined;
  const node = await host.stat(mount.source);
  return node.ok && node.value.device !== undefined ? await btrfsEncrypted(host, node.value.device) : undefined;
}

async function btrfsEncrypted(host: Host, device: string): Promise<boolean | undefined> {
  const volumes = await host.readdir('/sys/fs/btrfs');
  for (const volume of volumes.ok ? volumes.value : []) {
    const members = await host.readdir(`/sys/fs/btrfs/${volume}/devices`);
    if (!members.ok) continue;
    const numbers: string[] = [];
    for (const name of members.value) {
      const number = await host.readFile(`/sys/class/block/${name}/dev`);
      if (number.ok) numbers.push(number.value.toString('utf8').trim());
    }
    if (!numbers.includes(device) || numbers.length !== members.value.length) continue;
    const each = await Promise.all(numbers.map((number) => isEncrypted(host, number)));
    return each.includes(false) ? false : each.includes(undefined) ? undefined : true;
  }
  return undefined;
}

async function zfsEncrypted(host: Host, dataset: string): Promise<boolean | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/ -]*$/.test(dataset)) return undefined;
  const answer = (await outputOf(host, 'zfs', ['get', '-H', '-o', 'value', 'encryption', dataset]))?.trim();
  if (answer === 'off') return false;
  return /^aes-(128|192|256)-(ccm|gcm)$/.test(answer ?? '') ? true : undefined;
}
