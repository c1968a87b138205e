# SPDX-License-Identifier: BSD-2-Clause
"""What pack refuses: one line each, nothing written, the right exit code."""
import os
import socket
import stat
import subprocess

import pytest
from conftest import GROUP, IMAGE, messages, ome, pack, write


def refused(root, out, code, *words, lines=1, args=(), **kwargs):
    before = set(os.listdir(out.parent)) if out.parent.is_dir() else None
    done = pack(root, out, *args, code=code, lines=lines, **kwargs)
    for word in words:
        assert word in done.stderr.decode(), done.stderr
    assert before is None or set(os.listdir(out.parent)) == before
    return done


def test_symlink(image, out):
    os.symlink('big.bin', image / 's0' / 'link')
    refused(image, out, 2, "'s0/link' is a symbolic link")


def test_symlink_to_a_directory(image, out):
    os.symlink('s0', image / 's1')
    refused(image, out, 2, "'s1' is a symbolic link")


def test_fifo(image, out):
    os.mkfifo(image / 'pipe')
    refused(image, out, 2, "'pipe' is a FIFO")


def test_socket(image, out):
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(image)  # a socket's path is short
        try:
            s.bind('sock')
        finally:
            os.chdir(here)
        refused(image, out, 2, "'sock' is a socket")


def test_device(image, out):
    try:
        os.mknod(image / 'null', 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip('devices are made by root')
    refused(image, out, 2, "'null' is a device")


@pytest.mark.parametrize('name', ('x.ozx', 'labels/X.OZX', '.ozx', 's0/c/y.OzX'))
def test_nested(image, out, name):
    write(image, {name: 'x'})
    refused(image, out, 2, name, 'nested')


@pytest.mark.parametrize('name,shown', ((b'a\\b', 'a\\\\b'), (b'a\nb', 'a\\nb'), (b'\x7f', '\\x7F'),
                                        (b'\xff\xfe', '\\xFF'), (b'd\x01/ok', 'd\\x01/ok'),
                                        (b'\xed\xa0\x80', '\\xED')))
def test_names(image, out, name, shown):
    path = os.path.join(os.fsencode(image), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        open(path, 'wb').close()
    except OSError:
        pytest.skip('this file system refuses it, too')
    done = refused(image, out, 2, shown, '(name)')
    assert all(32 <= b < 127 for b in done.stderr.strip())


def test_bad_name_of_an_empty_directory(image, out):
    (image / 'a\\b').mkdir()
    refused(image, out, 2, '(name)')


def deep(root, levels):
    """Directories named d ... below each other; made by relative steps, for the path gets too long
    to be named."""
    here = os.getcwd()
    os.chdir(root)
    try:
        for _ in range(levels):
            os.mkdir('d')
            os.chdir('d')
        open('f', 'w').close()
    finally:
        os.chdir(here)


def test_as_deep_as_a_path_can_be(image, out):
    deep(image, 2047)  # 2 * 2047 + 1 = 4095 bytes
    try:
        pack(image, out, lines=0)
    finally:
        subprocess.run(['rm', '-rf', image / 'd'], check=True)


def test_deeper_than_a_path_can_be(image, out):
    deep(image, 2500)
    try:
        refused(image, out, 2, '(name)')
    finally:
        subprocess.run(['rm', '-rf', image / 'd'], check=True)


def test_every_problem_has_its_line(image, out):
    for i in range(20):
        os.symlink('x', image / f'link{i}')
    os.mkfifo(image / 'pipe')
    write(image, {'x.ozx': 'x'})
    refused(image, out, 2, lines=22)


def test_very_many_problems_are_counted(image, out):
    for i in range(250):
        os.symlink('x', image / f'link{i}')
    refused(image, out, 2, '150 more', lines=101)


def test_no_such_directory(tmp_path, out):
    refused(tmp_path / 'none', out, 66, 'No such file')


def test_a_file(image, out):
    refused(image / 'big.bin', out, 66, 'Not a directory')


def test_no_root(tmp_path, out):
    refused(write(tmp_path / 'in', {'x': 'x'}), out, 2, 'no-root', 'zarr.json')


def test_one_level_too_high(tmp_path, out):
    write(tmp_path / 'in' / 'image.zarr', IMAGE)
    refused(tmp_path / 'in', out, 2, 'no-root', "'image.zarr/'")


@pytest.mark.parametrize('name', ('.zgroup', '.zattrs', '.zarray'))
def test_zarr_2(tmp_path, out, name):
    refused(write(tmp_path / 'in', {name: '{}', '0/.zarray': '{}'}), out, 2, 'Zarr v2',
            'ozxfs pack --convert')


@pytest.mark.parametrize('text', ('', '{', '[]', '"x"', '{"a":1}x', b'\xff{}'))
def test_root_is_no_json(tmp_path, out, text):
    refused(write(tmp_path / 'in', {'zarr.json': text}), out, 2, 'root zarr.json',
            args=('--ome-version', '0.5'))


def test_root_is_a_directory(tmp_path, out):
    refused(write(tmp_path / 'in', {'zarr.json/x': 'x'}), out, 2, 'no-root', 'not a regular file')


def test_root_was_excluded(image, out):
    refused(image, out, 2, 'no-root', 'was excluded', args=('--exclude', 'zarr.json'))


def test_broken_metadata_below(tmp_path, out):
    """As at the root; left out, the rest is packed."""
    root = write(tmp_path / 'in',
                 {'zarr.json': GROUP, 'a/zarr.json': '{', 'b/zarr.json': ome(), 'c/zarr.json': ''})
    refused(root, out, 2, "'a/zarr.json' is not JSON", 'and 1 more')
    pack(root, out, '--exclude', '/a', '--exclude', '/c', lines=0)


# --- the output -----------------------------------------------------------------------------------

def test_output_exists(image, out):
    out.write_text('old')
    refused(image, out, 73, '--force')
    assert out.read_text() == 'old'


@pytest.mark.parametrize('kind', ('directory', 'link', 'fifo'))
def test_output_is_no_file(image, out, kind):
    dict(directory=out.mkdir, link=lambda: out.symlink_to('elsewhere'),
         fifo=lambda: os.mkfifo(out))[kind]()
    refused(image, out, 73, 'exists', args=('--force',))


@pytest.mark.parametrize('where', ('', 's0', 'labels/cells/c'))
def test_output_inside_the_input(image, tmp_path, where):
    out = image / where / 'o.ozx'
    refused(image, out, 73, 'inside the input')
    refused(image, out, 73, 'inside the input', args=('--exclude', '*'))


def test_output_inside_through_a_symlink(image, tmp_path):
    os.symlink(image / 's0', tmp_path / 'elsewhere')
    refused(image, tmp_path / 'elsewhere' / 'o.ozx', 73, 'inside the input')


def test_stream_inside_the_input(image):
    with open(image / 'o.zip', 'wb') as f:
        pack(image, '-', code=73, lines=1, capture_output=False, stdout=f, stderr=subprocess.PIPE)


def test_output_is_a_file_of_the_input_by_another_name(image, out):
    os.link(image / 'big.bin', out)
    refused(image, out, 73, "'big.bin'", args=('--force',))


def test_no_output_directory(image, tmp_path):
    refused(image, tmp_path / 'none' / 'o.ozx', 73)


@pytest.mark.parametrize('name', ('x/', 'x' * 256))
def test_bad_output_name(image, out, name):
    refused(image, out.parent / '', 73) if name == 'x/' else refused(image, out.parent / name, 73)


def test_terminal(image):
    import pty
    master, slave = pty.openpty()
    pack(image, '-', code=64, lines=1, capture_output=False, stdout=slave, stderr=subprocess.PIPE)
    os.close(master)
    os.close(slave)


# --- permissions, as somebody else than root ------------------------------------------------------

def as_nobody(folder, *args):
    user = dict(user=65534, group=65534, extra_groups=[]) if os.geteuid() == 0 else {}
    done = subprocess.run([folder / 'ozxfs', 'pack', *map(str, args)], capture_output=True,
                          text=True, timeout=60, **user)
    return done.returncode, '\n'.join(messages(done.stderr))


def lay(folder, mode=0o755):
    image = write(folder / 'in', IMAGE)
    out = folder / 'out'
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    return image, out / 'o.ozx'


def test_unreadable_file(no_root):
    image, out = lay(no_root)
    (image / 'big.bin').chmod(0)
    (image / 's0/c/0/0').chmod(0)
    code, said = as_nobody(no_root, image, out)
    assert code == 77 and len(said.splitlines()) == 2 and 'big.bin' in said and 's0/c/0/0' in said
    assert not os.listdir(out.parent)


def test_unreadable_directory(no_root):
    image, out = lay(no_root)
    (image / 'labels').chmod(0)
    code, said = as_nobody(no_root, image, out)
    assert code == 77 and len(said.splitlines()) == 1 and "'labels'" in said
    assert not os.listdir(out.parent)


def test_unreadable_root(no_root):
    image, out = lay(no_root)
    image.chmod(0)
    code, said = as_nobody(no_root, image, out)
    assert code == 77 and len(said.splitlines()) == 1


def test_unwritable_output_directory(no_root):
    image, out = lay(no_root)
    out.parent.chmod(0o555)
    code, said = as_nobody(no_root, image, out)
    assert code == 77 and len(said.splitlines()) == 1


def test_output_directory_that_cannot_be_listed(no_root):
    image, out = lay(no_root)
    out.parent.chmod(0o333)
    code, said = as_nobody(no_root, image, out)
    assert (code, said) == (0, '')
    out.parent.chmod(0o755)
    assert os.listdir(out.parent) == ['o.ozx']
