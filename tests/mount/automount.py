# SPDX-License-Identifier: BSD-2-Clause
"""What systemd does for an automount: an autofs on DIRECTORY, the command (mount) for the first one
who looks into it, in a process group of its own with this, and a word when that has ended. Prints
what that one found.

    automount.py DIRECTORY COMMAND...

In a mount namespace of its own. The one who looks, and the command, are killed after 30 seconds;
the status is that of the command, or 124."""
import ctypes
import fcntl
import os
import struct
import subprocess
import sys

READY, FAIL = 0x9360, 0x9361  # _IO(0x93, ...), linux/auto_fs.h
TOKEN = '=iiI'  # autofs_v5_packet: version, type, token, ...
SECONDS = 30


def main(directory, *command):
    libc = ctypes.CDLL(None, use_errno=True)
    theirs, ours = os.pipe()
    os.setpgid(0, 0)
    options = f'fd={ours},minproto=5,maxproto=5,direct'
    if libc.mount(b'automount', directory.encode(), b'autofs', 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), 'autofs')
    os.close(ours)
    trigger = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    # (timeout leaves the group)
    with subprocess.Popen(['timeout', str(SECONDS), 'ls', directory]) as who_looks:
        token = struct.unpack_from(TOKEN, os.read(theirs, 4096))[2]
        status = subprocess.run(
            ['timeout', '--foreground', '-k', '1', str(SECONDS), *command], check=False).returncode
        fcntl.ioctl(trigger, FAIL if status else READY, token)
        who_looks.wait()
    return status


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
