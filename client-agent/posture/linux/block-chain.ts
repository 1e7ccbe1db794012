/** Whether all the bytes of a block device pass through dm-crypt, found by walking down sysfs. */
import { type Host, readText } from '../host.ts';

/** dm targets that encrypt; verity and integrity only check. */
const encrypting = /^CRYPT-(LUKS1|LUKS2|PLAIN|BITLK|FVAULT2|TCRYPT|LOOPAES)-/;
const maxDepth = 16;

/** `device` is `major:minor`. Undefined when the chain cannot be read to its end. */
export async function isEncrypted(host: Host, device: string): Promise<boolean | undefined> {
  return await walk(host, `/sys/dev/block/${device}`, 0);
}

async function walk(host: Host, node: string, depth: number): Promise<boolean | undefined> {
  if (depth > maxDepth) return undefined;
  const here = await host.stat(node);
  if (!here.ok) return undefined;
  const uuid = await host.readFile(`${node}/dm/uuid`);
  if (!uuid.ok && uuid.why !== 'missing') return undefined;
  if (uuid.ok && encrypting.test(uuid.value.toString('utf8').trim())) return true;
  // A loop device lies in a file of some file system: not followed, so not known.
  const loop = await readText(host, `${node}/loop/backing_file`);
  if (loop !== undefined) return undefined;
  const slaves = await host.readdir(`${node}/slaves`);
  if (!slaves.ok && slaves.why !== 'missing') return undefined;
  const below = slaves.ok ? slaves.value : [];
  if (below.length === 0) return await partitionParent(host, node, depth);
  // LVM and md can lie on several devices: one in the clear is enough to read from.
  let all: boolean | undefined = true;
  for (const name of below) {
    if (!/^[A-Za-z0-9!._-]+$/.test(name)) return undefined;
    const one = await walk(host, `/sys/class/block/${name}`, depth + 1);
    if (one === false) return false;
    if (one === undefined) all = undefined;
  }
  return all;
}

/** A partition has no slaves of its own; the disk that holds it may (md arrays are partitioned so). */
async function partitionParent(host: Host, node: string, depth: number): Promise<boolean | undefined> {
  const partition = await host.stat(`${node}/partition`);
  if (!partition.ok) return partition.why === 'missing' ? false : undefined;
  // The kernel resolves `..` from where the link leads, which is the disk.
  return await walk(host, `${node}/..`, depth + 1);
}
