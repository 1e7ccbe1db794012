/** Disks that become read-only under a running gateway and controller, and writable again without anything being started anew. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';

const inner = join(import.meta.dirname, '../support/read-only-disk-in-namespace.ts');
const canMount = 'test -w /dev/fuse && mount -t tmpfs none /mnt';
const works = spawnSync('unshare', ['-m', 'sh', '-c', canMount]).status === 0;
const hasFuse = spawnSync('/usr/bin/python3', ['-c', 'import fusepy']).status === 0;
const options = hasFuse ? {} : { skip: 'not installed: python3-fusepy' };
if (works) t.spawn('unshare', ['-m', process.execPath, inner], options, 'with disks of its own');
else t.comment('not tried: this takes root and /dev/fuse');
