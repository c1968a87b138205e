# SPDX-License-Identifier: BSD-2-Clause
"""mount(8), a real fstab(5) and systemd's way to wait: in a mount namespace of its own, where
/usr/sbin has our helpers only."""
import os
import shutil
import socket
import subprocess
import sys

import pytest
from kit.harness import mount_of, wait_until

AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which('unshare') or not os.path.exists('/usr/sbin'),
    reason='needs root and unshare')
SCRIPT = '''
set -eu
mount -t tmpfs none /usr/sbin
ln -s "$OZXFS" /usr/sbin/mount.ozxfs
ln -s "$OZXFS" /usr/sbin/mount.fuse.ozxfs
cd "$FOLDER"
options() { findmnt -n -o VFS-OPTIONS "$1"; }
'''


@pytest.fixture
def fstab(ozxfs, image):
    """fstab(lines, script): what the script says, run where these lines are the fstab; IMAGE and
    DIR in them are replaced."""
    where = ozxfs.directory()

    def run(lines, script):
        table = os.path.join(ozxfs.folder, 'fstab')
        with open(table, 'w', encoding='utf-8') as out:
            out.write(lines.replace('IMAGE', str(image)).replace('DIR', where) + '\n')
        words = SCRIPT + script.replace('IMAGE', str(image)).replace('DIR', where).replace(
            'FSTAB', table)
        words += f'\numount {where} 2>/dev/null || true\n'
        environment = {**ozxfs.environment, 'OZXFS': ozxfs.binary, 'FOLDER': ozxfs.folder}
        done = subprocess.run([
            'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c',
            words
        ], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=environment,
                              check=False)
        if 'unshare failed' in done.stderr or 'unshare: ' in done.stderr:
            pytest.skip('no namespaces here')
        return done
    return run


@AS_ROOT
@pytest.mark.parametrize('kind', ['ozxfs', 'fuse.ozxfs'])
def test_a_line_of_fstab(fstab, kind):
    line = (f'IMAGE DIR {kind} ro,nofail,_netdev,user,noauto,x-systemd.automount,allow_other,'
            'uid=1234,noatime,noexec,subdir=s0 0 0')
    done = fstab(
        line,
        'mount -T FSTAB DIR; ls DIR; stat -c %u DIR/zarr.json; options DIR; findmnt -n -o FSTYPE '
        'DIR'
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0 and 'zarr.json' in said and '1234' in said and said[
        -1] == 'fuse.ozxfs', done
    assert {'ro', 'nosuid', 'nodev', 'noexec', 'noatime'} <= set(said[-2].split(','))


@AS_ROOT
def test_all_of_fstab(fstab):
    """nofail passes over what is not there; the others are mounted."""
    done = fstab('/nowhere.ozx /mnt ozxfs ro,nofail 0 0\nIMAGE DIR ozxfs defaults 0 0',
                 'mount -a -T FSTAB || echo status $?; ls DIR')
    assert 'zarr.json' in done.stdout, done


@AS_ROOT
@pytest.mark.parametrize('line,status', [('/nowhere.ozx DIR ozxfs ro 0 0', 32),
                                         ('IMAGE DIR ozxfs no_such_option 0 0', 1),
                                         ('IMAGE DIR ozxfs timeout=x 0 0', 1)])
def test_exit_codes(fstab, line, status):
    done = fstab(line, 'mount -T FSTAB DIR || echo status $?')
    assert done.stdout.splitlines() == [f'status {status}'] and 'ozxfs: ' in done.stderr, done


@AS_ROOT
def test_fuse_with_a_number_sign(fstab):
    done = fstab('# none', '''
        ln -s "$OZXFS" ozxfs; ./ozxfs IMAGE DIR -o rw,dev,suid; ls DIR''')
    assert 'zarr.json' in done.stdout, done


# --- remount --------------------------------------------------------------------------------------

@AS_ROOT
def test_remount(fstab):
    done = fstab('IMAGE DIR ozxfs allow_other,subdir=s0 0 0', '''
        mount -T FSTAB DIR; options DIR
        mount -o remount,noexec,noatime DIR; options DIR
        mount -t ozxfs -o remount,exec,relatime IMAGE DIR; options DIR
        mount -o remount,rw,suid,dev DIR; options DIR; ls DIR''')
    said = [set(line.split(',')) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done
    assert all({'ro', 'nosuid', 'nodev'} <= options for options in said[:4]), done
    assert not {'noexec', 'noatime'} & said[0] and {
        'noexec', 'noatime'
    } <= said[1] and not {'noexec', 'noatime'} & said[2]
    assert {'zarr.json'} in said[4:]


@AS_ROOT
def test_remount_says_what_cannot_change(fstab):
    done = fstab(
        '# none', '''
        mount -t ozxfs IMAGE DIR
        mount -t ozxfs -o remount,noexec,subdir=s0,timeout=5 IMAGE DIR; echo status $?
        options DIR; ls DIR'''
    )
    said = done.stdout.splitlines()
    assert said[0] == 'status 0' and 'noexec' in said[1] and 's0' in said[2:], done
    assert "'-o subdir' stays as it is" in done.stderr
    assert "'-o timeout' stays as it is" in done.stderr


@AS_ROOT
@pytest.mark.parametrize('backend', ['fuse', 'auto'])
def test_remount_of_the_same(fstab, backend):
    """As systemd reloads: nothing is to be changed, and nothing is said."""
    done = fstab(
        f'IMAGE DIR ozxfs allow_other,backend={backend},uid=5,subdir=s0 0 0', '''
        mount -T FSTAB DIR
        mount -T FSTAB -o remount DIR; echo once >&2
        mount -T FSTAB -o remount,noexec,uid=6 DIR; options DIR''')
    assert done.returncode == 0 and 'noexec' in done.stdout, done
    before, _, after = done.stderr.partition('once')
    assert before == '' and after.count('stays as it is') == 1 and "'-o uid' stays" in after, done


@AS_ROOT
def test_remount_of_nothing(fstab):
    done = fstab(
        '# none',
        '/usr/sbin/mount.ozxfs IMAGE DIR -o remount,ro || echo status $?; /usr/sbin/mount.ozxfs '
        'IMAGE -o remount || echo status $?'
    )
    assert done.stdout.splitlines() == ['status 32', 'status 1'
                                        ] and 'no archive is mounted there' in done.stderr, done


def test_remount_by_hand(ozxfs, image):
    done = ozxfs.run('mount', '-o', 'remount', image, ozxfs.directory())
    assert done.returncode == 64 and b"'mount -o remount' does that" in done.stderr


# --- automounts -----------------------------------------------------------------------------------

with open('/proc/filesystems', encoding='ascii') as lines:
    HAS_AUTOFS = '\tautofs\n' in lines.read()


@AS_ROOT
@pytest.mark.skipif(not HAS_AUTOFS, reason='no autofs')
@pytest.mark.parametrize('archive,options', [('IMAGE', 'allow_other'), ('IMAGE', 'backend=auto'),
                                             ('MANY', 'allow_other')])
def test_automount(fstab, folder, image, archive, options):
    """Until mount(8) has ended autofs lets only its own process group into the directory: once the
    supervisor left that at its start, and waited there for itself."""
    os.makedirs(folder + '/many')
    shutil.copy(image, folder + '/many/zarr.json.ozx')
    automount = os.path.join(os.path.dirname(__file__), 'automount.py')
    done = fstab(
        f'{archive} DIR ozxfs {options},noauto 0 0'.replace('MANY', folder + '/many'), f'''
        {sys.executable} {automount} DIR mount -T FSTAB DIR
        $OZXFS umount DIR; echo status $?
        $OZXFS umount DIR || true''')
    said = done.stdout.splitlines()
    assert [name for name in said if name.startswith('zarr.json')], done
    assert said[-1] == 'status 0' and 'nothing is mounted here' in done.stderr, done


# --- systemd --------------------------------------------------------------------------------------

@pytest.mark.parametrize('abstract', [False, True])
def test_ready_is_told(ozxfs, image, abstract):
    """sd_notify(3): not before the tree is there."""
    name = ozxfs.folder + '/notify'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waiting:
        waiting.bind('\0' + name if abstract else name)
        waiting.settimeout(30)
        where = ozxfs.directory()
        process = ozxfs.start(
            'mount', '-f', image, where,
            env={**ozxfs.environment, 'NOTIFY_SOCKET': ('@' if abstract else '') + name})
        assert waiting.recv(100) == b'READY=1'
        assert mount_of(where) and os.listdir(where)
        process.terminate()
        assert process.wait(30) == 0
    assert wait_until(lambda: not mount_of(where))


@pytest.mark.parametrize('name', ['', '/', 'relative', '/nowhere/socket', '/' + 'x' * 200])
def test_nobody_waits(ozxfs, image, name):
    where = ozxfs.directory()
    process = ozxfs.start('mount', '-f', image, where,
                          env={**ozxfs.environment, 'NOTIFY_SOCKET': name})
    assert wait_until(lambda: mount_of(where))
    os.listdir(where)
    process.terminate()
    assert process.wait(30) == 0
