# SPDX-License-Identifier: BSD-2-Clause
"""Built without libcurl: a URL is refused in one line, and what is secret in it is not told."""
import os

import pytest

from kit.launch import run_text


@pytest.mark.skipif('OZXFS_FETCH' in os.environ, reason='built with libcurl')
def test_a_url_is_refused():
    ended = run_text('info', 'http://user:secret@127.0.0.1:1/x.ozx?sig=secret')
    assert ended.returncode == 66
    assert ended.stderr == (
        'ozxfs: http://127.0.0.1:1/x.ozx: is a URL, and this ozxfs was built without reading from '
        'servers: '
        'download the file first, and give that\n')
