# SPDX-License-Identifier: BSD-2-Clause
"""Who could not use the old file or tree cannot use the one that replaces it: owner, group, mode,
POSIX ACLs."""
import errno
import os
import stat
import struct
import subprocess

import pytest

from kit.trees import OZXFS, left_beside, make_tree, ok

OWNER, OTHER, MEMBER, STRANGER = 4711, 4712, 4713, 4714
LAB, OWN, FOREIGN = 5711, 5712, 5713
# (uid, gid, further groups): whose access is compared
SUBJECTS = ((OWNER, OWN, (LAB, )), (OTHER, OWN, ()), (OTHER, FOREIGN, ()),
            (MEMBER, FOREIGN, (LAB, )), (MEMBER, LAB, ()), (STRANGER, FOREIGN, ()))
MODES = (0o640, 0o604, 0o660, 0o644, 0o670, 0o460, 0o407, 0o070)
TREE_MODES = 0o770, 0o775, 0o777, 0o707, 0o757, 0o750, 0o705, 0o700, 0o577
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason='other users can be had by root only')

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, REST = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = 'system.posix_acl_access', 'system.posix_acl_default'


def acl(*entries):
    """The attribute's bytes (linux/posix_acl_xattr.h) of (tag, permissions, id) or (tag,
    permissions)."""
    return struct.pack('<I', 2) + b''.join(
        struct.pack('<HHI', e[0], e[1], e[2] if len(e) > 2 else 0xFFFFFFFF) for e in entries)


SHUT_OUT = acl((USER_OBJ, 6), (USER, 0, OTHER), (GROUP_OBJ, 6), (GROUP, 4, FOREIGN), (MASK, 6),
               (REST, 4))
SHUT_OUT_OF_TREE = acl((USER_OBJ, 7), (USER, 0, OTHER), (GROUP_OBJ, 7), (GROUP, 5, FOREIGN),
                       (MASK, 7), (REST, 5))
LET_IN = acl((USER_OBJ, 7), (USER, 7, STRANGER), (GROUP_OBJ, 7), (GROUP, 7, FOREIGN), (MASK, 7),
             (REST, 5))


def set_acl(path, value, name=ACCESS):
    try:
        os.setxattr(path, name, value)
    except OSError as e:
        if e.errno == errno.EOPNOTSUPP:
            pytest.skip('the file system has no POSIX ACLs')
        raise


def get_acl(path, name=ACCESS):
    return os.getxattr(path, name) if name in os.listxattr(path) else None


def become(uid, gid, groups):
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def rights(folder, name):
    """{subject: what it may do to folder/name}, asked in the folder, as what is above may be closed
    to it."""
    found = {}
    for subject in SUBJECTS:
        fd, out = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.chdir(folder)
                become(*subject)
                kinds = os.R_OK, os.W_OK, os.X_OK
                os.write(out, bytes(os.access(name, k, effective_ids=True) for k in kinds))
            finally:
                os._exit(0)
        os.close(out)
        found[subject] = os.read(fd, 3)
        os.close(fd)
        os.waitpid(child, 0)
        assert len(found[subject]) == 3
    return found


def gained(before, after, but=None):
    return [(s, before[s], after[s])
            for s in SUBJECTS
            if s[0] != but and any(n > o for o, n in zip(before[s], after[s]))]


@pytest.fixture
def place(tmp_path):
    """A folder that everybody may write to, with an image, an archive of it, and what is to be
    replaced."""
    tmp_path.chmod(0o777)
    make_tree(tmp_path / 'd', 2)
    ok('pack', tmp_path / 'd', tmp_path / 'a.ozx')
    for path in (tmp_path / 'd', *(tmp_path / 'd').rglob('*')):
        path.chmod(0o755)
    (tmp_path / 'a.ozx').chmod(0o644)
    return tmp_path


VERBS = {
    'pack': ('pack', '-f', 'd', 'old'), 'repack': ('repack', '-f', 'a.ozx', 'old'),
    'unpack': ('unpack', '-f', 'a.ozx', 'old')
}


def make_old(place, verb, mode, owner=OWNER, group=LAB):
    old = place / 'old'
    subprocess.run(['rm', '-rf', old], check=True)
    if verb == 'unpack':
        old.mkdir()
        (old / 'zarr.json').write_text('{}')
    else:
        old.write_bytes(b'old')
    os.chown(old, owner, group)
    old.chmod(mode)
    return old


def replace(place, verb, user=None):
    done = subprocess.run([OZXFS, *VERBS[verb]], cwd=place, capture_output=True, text=True,
                          timeout=120, preexec_fn=user and (lambda: become(*user)))
    assert done.returncode == 0, done.stderr
    assert left_beside(place) == []
    return os.stat(place / 'old')


@AS_ROOT
@pytest.mark.parametrize('verb', VERBS)
def test_root_keeps_all(place, verb):
    for mode in MODES[:4]:
        before = rights(place, make_old(place, verb, mode).name)
        st = replace(place, verb)
        assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (OWNER, LAB, mode)
        assert rights(place, 'old') == before


@AS_ROOT
@pytest.mark.parametrize('verb', VERBS)
@pytest.mark.parametrize('user',
                         ((MEMBER, FOREIGN, (LAB, )), (OTHER, FOREIGN, ()), (OWNER, OWN, ())),
                         ids=('member', 'stranger', 'owner'))
def test_nobody_gains(place, verb, user):
    """A user who replaces a file that was another's, or whose group he is not in."""
    replaced = 0
    for mode in MODES if verb != 'unpack' else TREE_MODES:
        before = rights(place, make_old(place, verb, mode).name)
        if verb == 'unpack' and before[user if user in SUBJECTS else SUBJECTS[0]] != bytes(
            (1, 1, 1)):
            continue  # a tree that he cannot empty is not his to replace
        replaced += 1
        st = replace(place, verb, user)
        assert st.st_uid == user[0] and st.st_gid == (LAB if LAB in user[2] else user[1])
        assert gained(before, rights(place, 'old'), but=user[0]) == [], (oct(mode), oct(st.st_mode))
    assert replaced > 1


@AS_ROOT
def test_group_kept_keeps_the_mode(place):
    make_old(place, 'pack', 0o664)
    assert stat.S_IMODE(replace(place, 'pack', (MEMBER, FOREIGN, (LAB,))).st_mode) == 0o664
    make_old(place, 'pack', 0o640)
    assert stat.S_IMODE(replace(place, 'pack', (STRANGER, FOREIGN, ())).st_mode) == 0o600
    make_old(place, 'pack', 0o664)
    assert stat.S_IMODE(replace(place, 'pack', (STRANGER, FOREIGN, ())).st_mode) == 0o644


@AS_ROOT
def test_set_id_bits_and_capabilities_are_not_copied(place):
    old = make_old(place, 'pack', 0o6755)
    os.setxattr(old, 'security.capability', struct.pack('<IIIIII', 0x03000001, 1 << 7, 0, 0, 0, 0))
    assert stat.S_IMODE(replace(place, 'pack').st_mode) == 0o755
    assert 'security.capability' not in os.listxattr(old)
    make_old(place, 'unpack', 0o7750)
    # of a directory they hand down a group and keep names
    assert stat.S_IMODE(replace(place, 'unpack').st_mode) == 0o3750


@AS_ROOT
@pytest.mark.parametrize('verb', VERBS)
def test_acl_is_copied_or_closed(place, verb):
    users = (None, 'equal'), ((OWNER, OWN, (LAB, )), 'equal'), ((MEMBER, FOREIGN, (LAB, )),
                                                                'closed'), ((OWNER, OWN, ()),
                                                                            'closed')
    for user, wanted in users:
        old = make_old(place, verb, 0o770 if verb == 'unpack' else 0o660)
        value = SHUT_OUT_OF_TREE if verb == 'unpack' else SHUT_OUT
        set_acl(old, value)
        before, mode = rights(place, 'old'), stat.S_IMODE(os.stat(old).st_mode)
        st, after = replace(place, verb, user), rights(place, 'old')
        if wanted == 'equal':
            assert get_acl(old) == value and after == before and stat.S_IMODE(st.st_mode) == mode
        else:
            assert get_acl(old) is None and stat.S_IMODE(st.st_mode) == mode & 0o700
        assert gained(before, after, but=user and user[0]) == []


@AS_ROOT
@pytest.mark.parametrize('verb', VERBS)
def test_default_acl_of_the_folder_lets_nobody_in(place, verb):
    set_acl(place, LET_IN, DEFAULT)
    for user in (None, (OWNER, OWN, (LAB,)), (STRANGER, FOREIGN, ())):
        if verb == 'unpack' and user and user[0] == STRANGER:
            continue  # a tree that he cannot empty is not his to replace
        old = make_old(place, verb, 0o640)
        for name in set(os.listxattr(old)) & {ACCESS, DEFAULT}:
            os.removexattr(old, name)
        old.chmod(0o750 if verb == 'unpack' else 0o640)
        before = rights(place, 'old')
        replace(place, verb, user)
        assert get_acl(old) is None and get_acl(old, DEFAULT) is None
        assert gained(before, rights(place, 'old'), but=user and user[0]) == []


@AS_ROOT
@pytest.mark.parametrize('user', (None, (OWNER, OWN, (LAB,))), ids=('root', 'owner'))
def test_tree_hands_down_what_the_old_one_did(place, user):
    """The default ACL and the group of the old directory, not those of the folder it is in, are
    what new files inherit."""
    set_acl(place, LET_IN, DEFAULT)
    old = make_old(place, 'unpack', 0o2750)
    mine = acl((USER_OBJ, 7), (USER, 5, MEMBER), (GROUP_OBJ, 5), (MASK, 5), (REST, 0))
    os.removexattr(old, ACCESS)
    old.chmod(0o2750)
    set_acl(old, mine, DEFAULT)
    st = replace(place, 'unpack', user)
    assert stat.S_IMODE(st.st_mode) == 0o2750 and get_acl(old,
                                                          DEFAULT) == mine and get_acl(old) is None
    for path in old.rglob('*'):
        assert os.stat(path).st_gid == LAB
        assert not rights(path.parent, path.name)[(STRANGER, FOREIGN, ())][0], path
