# SPDX-License-Identifier: BSD-2-Clause
"""Does `floors` see what it is there for? Each rule is broken once in a made-up tree."""
import os
import subprocess
import sys

import pytest

FLOORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'floors')
HEAD = '/* SPDX-License-Identifier: BSD-2-Clause */\n'
BREACHES = {
    'upwards': ('src/zip/a.c', HEAD + '#include "archive/archive.h"\n',
                'zip/ may not include archive/archive.h'),
    'sideways': ('src/zarr/a.c', HEAD + '#include "zip/format.h"\n',
                 'zarr/ may not include zip/format.h'),
    'sideways_deep': ('src/mount/fuse/a.c', HEAD + '#include "pack/plan.h"\n',
                      'mount/fuse/ may not include pack/plan.h'),
    'base_upwards': ('src/base/a.h', HEAD + '#include "zip/format.h"\n', 'base/ may not include'),
    'upwards_inside': ('src/mount/a.c', HEAD + '#include "mount/fuse/loop.h"\n',
                       'mount/ may not include mount/fuse/loop.h'),
    'fuse_inside': ('src/mount/a.c', HEAD + '#include <fuse_lowlevel.h>\n',
                    'fuse_lowlevel.h may only be'),
    'cage': ('src/archive/a.c', HEAD + '#include "cage/sandbox.h"\n',
             'archive/ may not include cage'),
    'fuse': ('src/cli/a.c', HEAD + '#include <fuse_lowlevel.h>\n', 'fuse_lowlevel.h may only be'),
    'jansson': ('src/cli/main.c', HEAD + '#include <jansson.h>\n', 'jansson.h may only be'),
    'libzip': ('src/zip/local.c', HEAD + '#include <zip.h>\n', 'zip.h may only be'),
    'prints': ('src/archive/a.c', HEAD + 'void f(void)\n{\n    puts("x");\n}\n', 'never print'),
    'stderr': ('src/base/a.c', HEAD + 'void f(void)\n{\n    fprintf(stderr, "x");\n}\n',
               'never print'),
    'state': ('src/base/a.c', HEAD + 'static int x;\n', 'state outside of a struct'),
    'state_set': ('src/base/a.c', HEAD + 'static struct a *x = NULL;\n', 'state outside'),
    'state_struct': ('src/base/a.c', HEAD + 'static struct {\n    int a;\n} x[4];\n',
                     'state outside'),
    'state_seen': ('src/base/a.c', HEAD + 'struct a x;\n', 'state outside'),
    'state_inside': ('src/base/a.c', HEAD + 'void f(void)\n{\n    static int x;\n}\n',
                     'state outside'),
    'long_file': ('src/base/a.c', HEAD + '\n' * 600, 'a file of'),
    'long_function': ('src/base/a.c', HEAD + 'void f(void)\n{\n' + '    g();\n' * 90 + '}\n',
                      'a function of'),
    'long_line': ('src/base/a.py', '# SPDX-License-Identifier: BSD-2-Clause\n' + 150 * 'x',
                  'a line of 150 columns'),
    'long_comment': ('src/base/a.c', HEAD + '/* ' + 145 * 'x' + ' */\n', 'a line of 151 columns'),
    'reflowed': ('src/base/a.c', HEAD.replace('*/', ' What it is. */') + 'int x;\n', 'reflowed'),
    'at_the_top': ('results.json', '{}', 'has no place at the top'),
    'no_licence': ('src/base/a.c', 'int x;\n', 'no SPDX line'),
}


def run(root):
    return subprocess.run([sys.executable, FLOORS, root], capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize('name', BREACHES)
def test_breach_is_seen(tmp_path, name):
    path, text, message = BREACHES[name]
    (tmp_path / 'src').mkdir()
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    result = run(tmp_path)
    assert result.returncode == 1 and message in result.stdout and path in result.stdout


FUNCTION = 'int %s(void)\n{\n    return %s();\n}\n'


@pytest.mark.parametrize('files', [
    {'src/zip/a.c': ('a', 'b'), 'src/zip/b.c': ('b', 'a')},
    {'src/zip/a.c': ('a', 'b'), 'src/zip/b.c': ('b', 'c'), 'src/zip/c.c': ('c', 'a')},
    {'src/base/a.c': ('a', 'b'), 'src/archive/b.c': ('b', 'a')},
], ids=['two', 'three', 'rooms'])
def test_circle_is_seen(tmp_path, files):
    """Declared by hand, so that no include gives it away."""
    for path, (name, called) in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(HEAD + 'int %s(void);\n' % called + FUNCTION % (name, called))
    result = run(tmp_path)
    assert result.returncode == 1 and 'in a circle' in result.stdout
    assert 'a.c calls b of b.c' in result.stdout


def test_no_circle_of_statics_structs_and_comments(tmp_path):
    """Two files may have a function of one name each, and a struct may be called like a function.
    """
    (tmp_path / 'src/zip').mkdir(parents=True)
    (tmp_path / 'src/zip/a.c').write_text(
        HEAD +
        'int a(void)\n{\n    return b(); /* not c() */\n}\n\nstatic int d(void)\n{\n    return '
        '0;\n}\n'
    )
    (tmp_path / 'src/zip/b.c').write_text(
        HEAD +
        'int b(void)\n{\n    struct a *x = 0;\n    return d() + !x;\n}\n\nstatic int d(void)\n{\n  '
        '  return 0;\n}\n'
    )
    result = run(tmp_path)
    assert result.returncode == 0, result.stdout


def test_good_tree_passes(tmp_path):
    for path, text in (
        ('src/mount/fuse/a.c',
         '#include <fuse_lowlevel.h>\n#include "mount/fuse/b.h"\n#include "archive/archive.h"\n'),
        ('src/zip/decompress.c', '#include <zip.h>\n/* puts("x") */\n'),
        ('src/archive/a.c', 'struct a;\nstatic const int x[] = {\n    1};\nextern int y;\n'
         'static int f(int z)\n{\n    int w = z;\n    return w;\n}\n'),
        ('src/zarr/a.c', '#include <jansson.h>\n#include "base/error.h"\n')):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(HEAD + text)
    assert run(tmp_path).returncode == 0


def test_without_sources_it_fails(tmp_path):
    assert run(tmp_path).returncode == 1
