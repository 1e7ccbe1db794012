/** Disks that become read-only under a running gateway and controller, as after an error of the disk, and writable again. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'test -c /dev/fuse && mount -t tmpfs none /mnt']).status === 0;
const hasFuse = spawnSync('/usr/bin/python3', ['-c', 'import fusepy']).status === 0;
const inner = join(import.meta.dirname, '../support/read-only-disk-in-namespace.ts');
const options =
  canMount && hasFuse ? {} : { skip: 'a disk of a test takes unshare, root, /dev/fuse and python3-fusepy' };
t.spawn('unshare', ['-m', process.execPath, inner], options, 'with disks of its own');
