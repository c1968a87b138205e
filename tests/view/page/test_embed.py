# SPDX-License-Identifier: BSD-2-Clause
"""The files of the page as a C source: all of them, byte for byte, and the same from wherever."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / 'src/view/page'
EMBED = PAGE / 'embed.py'
ENDS = '.html', '.js', '.css', '.svg'


def embedded(out, files):
    subprocess.run([sys.executable, EMBED, out, *files], check=True)
    return out.read_text()


def test_files_are_embedded_as_they_are(tmp_path):
    files = sorted(path for path in PAGE.iterdir() if path.suffix in ENDS)
    listed = re.search(r"files\((.*?)\)", (PAGE / 'meson.build').read_text(), re.S).group(1)
    assert re.findall(r"'([^']+)'", listed) == [path.name for path in files]
    source = embedded(tmp_path / 'a.c', files)
    for path in files:
        numbers = re.search(r'uint8_t %s\[\] = \{\n(.*?)\};' % path.name.replace('.', '_'), source,
                            re.S).group(1)
        assert bytes(map(int, numbers.split(','))) == path.read_bytes(), path
    elsewhere = tmp_path / 'other place'
    elsewhere.mkdir()
    copies = [shutil.copy(path, elsewhere) for path in reversed(files)]
    assert embedded(tmp_path / 'b.c', copies) == source


def test_nothing_of_the_page_is_inline_or_from_elsewhere():
    html = (PAGE / 'view.html').read_text()
    assert not re.search(r'<style|\son\w+=|\sstyle=|<script(?! type="module" src="view.js"></)',
                         html)
    for path in PAGE.iterdir():
        if path.suffix in ('.js', '.css'):
            text = path.read_text()
            assert not re.search(r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|'
                                 r'new Function|@import|url\(', text), path
