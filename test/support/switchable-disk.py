"""A file system over a directory that can be made read-only while files on it are open, and writable again: FUSE, by fusepy.

    switchable-disk.py DIRECTORY MOUNTPOINT SWITCH

While the file SWITCH is there, whatever writes gets EROFS, as the kernel answers after an error of the disk. Ends, and unmounts, when
standard input ends, so that no test leaves it behind.
"""
import errno
import os
import subprocess
import sys
import threading

from fusepy import FUSE, FuseOSError, Operations

below, mountpoint, switch = sys.argv[1:4]
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def must_write():
    if os.path.exists(switch):
        raise FuseOSError(errno.EROFS)


class Disk(Operations):
    use_ns = True

    def __call__(self, op, path, *args):
        if not hasattr(self, op):
            raise FuseOSError(errno.ENOSYS)
        return getattr(self, op)(below + path, *args)

    def getattr(self, path, fh=None):
        st = os.lstat(path)
        names = ("mode", "nlink", "uid", "gid", "size", "ino", "dev", "blocks")
        whole = {f"st_{name}": getattr(st, f"st_{name}") for name in names}
        return {**whole, "st_atime": st.st_atime_ns, "st_mtime": st.st_mtime_ns, "st_ctime": st.st_ctime_ns}

    def access(self, path, mode):
        if mode & os.W_OK:
            must_write()
        if not os.access(path, mode):
            raise FuseOSError(errno.EACCES)

    def statfs(self, path):
        st = os.statvfs(path)
        names = ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail", "flag", "namemax")
        return {f"f_{name}": getattr(st, f"f_{name}") for name in names}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(path)]

    def readlink(self, path):
        return os.readlink(path)

    def open(self, path, flags):
        if flags & WRITES:
            must_write()
        return os.open(path, flags & ~os.O_APPEND)

    def create(self, path, mode, fi=None):
        must_write()
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def read(self, path, length, offset, fh):
        return os.pread(fh, length, offset)

    def write(self, path, data, offset, fh):
        must_write()
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        must_write()
        os.truncate(path if fh is None else fh, length)

    def fsync(self, path, datasync, fh):
        must_write()
        os.fsync(fh)

    def fsyncdir(self, path, datasync, fh):
        must_write()

    def flush(self, path, fh):
        pass

    def release(self, path, fh):
        os.close(fh)

    def mknod(self, path, mode, dev):
        must_write()
        os.mknod(path, mode, dev)

    def mkdir(self, path, mode):
        must_write()
        os.mkdir(path, mode)

    def unlink(self, path):
        must_write()
        os.unlink(path)

    def rmdir(self, path):
        must_write()
        os.rmdir(path)

    def rename(self, old, new):
        must_write()
        os.rename(old, below + new)

    def link(self, target, source):
        must_write()
        os.link(below + source, target)

    def symlink(self, target, source):
        must_write()
        os.symlink(source, target)

    def chmod(self, path, mode):
        must_write()
        os.chmod(path, mode)

    def chown(self, path, uid, gid):
        must_write()
        os.lchown(path, uid, gid)

    def utimens(self, path, times=None):
        must_write()
        os.utime(path, ns=times, follow_symlinks=False)


def end_with_parent():
    while sys.stdin.buffer.read(65536):
        pass
    subprocess.run(["umount", "-l", mountpoint], check=False)
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
FUSE(Disk(), mountpoint, foreground=True, nothreads=True, allow_other=True, default_permissions=True, attr_timeout=0, entry_timeout=0)
