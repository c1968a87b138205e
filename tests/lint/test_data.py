# SPDX-License-Identifier: BSD-2-Clause
"""What is installed for desktops and systemd, judged by the programs that read it. Each skips where
that is not there."""
import os
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, 'data')


def check(*arguments, **environment):
    if not shutil.which(arguments[0]):
        pytest.skip('no ' + arguments[0])
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment}, check=False)
    assert done.returncode == 0 and 'warning' not in done.stderr.lower(), done
    return done.stdout + done.stderr


def read(name):
    with open(os.path.join(DATA, name), encoding='utf-8') as file:
        return file.read()


def version():
    with open(os.path.join(ROOT, 'meson.build'), encoding='utf-8') as file:
        return re.search(r"version: '([0-9.]+)'", file.read()).group(1)


def test_desktop_entry():
    assert check('desktop-file-validate', os.path.join(DATA, 'ozxfs.desktop')) == ''


def test_appstream():
    check('appstreamcli', 'validate', '--no-net', os.path.join(DATA, 'ozxfs.metainfo.xml'))


def test_mime_type(tmp_path):
    (tmp_path / 'packages').mkdir()
    shutil.copy(os.path.join(DATA, 'ozxfs.xml'), tmp_path / 'packages')
    check('update-mime-database', str(tmp_path))
    assert 'application/x-ozx:*.ozx' in (tmp_path / 'globs').read_text()


def test_one_type_in_all_files():
    assert 'MimeType=application/x-ozx;' in read(
        'ozxfs.desktop') and 'type="application/x-ozx"' in read('ozxfs.xml')
    assert '<mediatype>application/x-ozx</mediatype>' in read('ozxfs.metainfo.xml')
    assert 'MimeType=application/x-ozx;' in read('ozxfs.thumbnailer')


def test_one_version_in_all_files():
    assert f'<release version="{version()}"' in read('ozxfs.metainfo.xml')
    assert re.search(r'^## ([0-9.]+)', read('CHANGELOG.md'), re.M).group(1) == version()
    assert yaml.safe_load(read('conda/recipe.yaml'))['context']['version'] == version()
    assert f'version = "{version()}";' in read('nix/package.nix')


NAMES = {  # of meson: what conda-forge and nixpkgs call it
    'fuse3': ('libfuse', 'fuse3'), 'libzstd': ('zstd', 'zstd'), 'blosc': ('blosc', 'c-blosc'),
    'libcurl': ('libcurl', 'curl')}


def test_packages_have_what_the_build_asks_for():
    with open(os.path.join(ROOT, 'meson.build'), encoding='utf-8') as file:
        asked = re.findall(r"dependency\('([a-z0-9]+)'(?:, version: '>= ([0-9.]+)')?", file.read())
    recipe = yaml.safe_load(read('conda/recipe.yaml'))['requirements']['host']
    conda = {word.split()[0]: (word.split() + [''])[1] for word in recipe}
    nix = set(re.findall(r'^    ([a-z0-9-]+)$', read('nix/package.nix'), re.M))
    wanted = {name: least for name, least in asked if name != 'threads'}
    assert len(wanted) > 8
    for name, least in wanted.items():
        of_conda, of_nix = NAMES.get(name, (name, name))
        assert of_conda in conda and conda[of_conda] in ('', '>=' + least), name
        assert of_nix in nix, name
    assert len(conda) == len(wanted), 'the recipe names more than meson asks for'


def test_recipe_of_conda():
    """Rendered by conda-forge's builder: pip install py-rattler-build."""
    builder = pytest.importorskip('rattler_build')
    recipe = builder.Stage0Recipe.from_file(os.path.join(DATA, 'conda/recipe.yaml'))
    variants = builder.VariantConfig.from_file(os.path.join(DATA, 'conda/variants.yaml'))
    made, = recipe.render(variants)
    assert 'sysroot_linux-64 2.39.*' in made.recipe.to_dict()['requirements']['build']


def test_expression_of_nix(tmp_path):
    for name in ('default.nix', 'package.nix'):
        check('nix-instantiate', '--parse', os.path.join(DATA, 'nix', name), HOME=str(tmp_path),
              NIX_STATE_DIR=str(tmp_path), NIX_CONF_DIR=str(tmp_path),
              NIX_CONFIG='build-users-group =')


def test_unit_of_systemd(tmp_path):
    unit = tmp_path / 'ozxfs@.service'
    unit.write_text(read('systemd/ozxfs@.service.in').replace('@ozxfs@', '/bin/true'))
    said = check('systemd-analyze', '--user', '--man=no', 'verify', str(unit),
                 XDG_RUNTIME_DIR=str(tmp_path), HOME=str(tmp_path))
    assert 'ozxfs@' not in said, said
    unit.write_text(unit.read_text().replace('KillMode=mixed', 'KillMode=nonsense'))
    done = subprocess.run(
        ['systemd-analyze', '--user', '--man=no', 'verify', unit], capture_output=True, text=True,
        timeout=60, env={**os.environ, 'XDG_RUNTIME_DIR': str(tmp_path),
                         'HOME': str(tmp_path)}, check=False)
    assert 'nonsense' in done.stdout + done.stderr, 'the check sees nothing'


def test_what_the_desktop_runs(tmp_path):
    """The line of Exec, unquoted as the specification says, with names that shells take apart."""
    line = re.search(r'^Exec=(.*)$', read('ozxfs.desktop'), re.M).group(1).replace('\\\\', '\\')
    quoted = re.fullmatch(r'sh -c "(.*)" sh %f', line).group(1)
    script = re.sub(r'\\([\\"`$])', r'\1', quoted)
    for name, text in (('ozxfs', '#!/bin/sh\necho "/mnt/of $2"\n'),
                       ('xdg-open', '#!/bin/sh\nprintf "%s" "$1"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(['sh', '-c', script, 'sh', '/a b/$(x)".ozx'], capture_output=True,
                          text=True, timeout=60,
                          env={**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'},
                          check=False)
    assert done.stdout == '/mnt/of /a b/$(x)".ozx', done
