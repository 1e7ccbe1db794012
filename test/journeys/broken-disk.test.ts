/** Disks of which the kernel takes no more writes under a running gateway and controller, after an error, until they are repaired. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../support/programs.ts';

const inner = join(import.meta.dirname, '../support/broken-disk-in-namespace.ts');
// What it takes of the kernel, tried once: a loop device with an ext4 that can be told of an error.
const attempt = `d=$(mktemp -d) && mount -t tmpfs none $d && mkdir $d/m && truncate -s 8m $d/i && mkfs.ext4 -q $d/i &&
  mount -o loop,errors=remount-ro $d/i $d/m && test -w /sys/fs/ext4/$(basename $(findmnt -no SOURCE $d/m))/trigger_fs_error
  code=$?; umount $d/m; umount $d; rmdir $d; exit $code`;
const { skip } = needs('unshare', 'mkfs.ext4', 'fsck.ext4', 'findmnt');
const works = skip !== false || spawnSync('unshare', ['-m', 'sh', '-c', attempt]).status === 0;
if (works) t.spawn('unshare', ['-m', process.execPath, inner], skip === false ? {} : { skip }, 'with disks of its own');
else t.comment('not tried: this takes root and a kernel with loop devices and ext4');
