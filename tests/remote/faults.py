# SPDX-License-Identifier: BSD-2-Clause
"""What servers, proxies and networks do to an archive that is read by ranges, in one table;
reading through it, and what has to be true of what came out. For HTTP/1.1 and HTTP/2."""
import random
import re
import subprocess
import time

import pytest

from kit.info import array, group, multiscale, write
from kit.launch import SANITIZED, run

import endless  # noqa: F401  (its faults become known)

CHUNK = 1 << 20
DEADLINE = 3
SLACK = 4 * (1 + 2 * SANITIZED)
CHUNKS = ('0/c/0/0', '0/c/1/0', '0/c/2/0')
SERVED, BROKEN, REFUSED, DENIED = 0, 74, 66, 77
NOT_USABLE = 'not usable'
LATE = 'in time|broke|ended early|HTTP 5|cannot connect|HTTP 4'

# fault, when, exit status, what the line says (None: nothing is said). Of a row of 'always' and
# 'later', nothing comes out of `cat` but a part of the right bytes; of one that is served, all of
# them.
TABLE = [
    ('none', 'always', SERVED, None),
    # the server, for a moment or for good
    *((f'status_{n}', 'once', SERVED, None) for n in (500, 502, 503, 504)),
    *((f'status_{n}', 'always', BROKEN, f'HTTP {n}') for n in (500, 502, 503, 504)),
    *((f'status_{n}', 'later', BROKEN, f'HTTP {n}')
      for n in (204, 304, 401, 403, 404, 410, 412, 500, 503)),
    ('status_404', 'always', REFUSED, 'no such file'),
    ('status_410', 'always', REFUSED, 'gone'),
    ('status_401', 'always', DENIED, 'wants a login'),
    ('status_403', 'always', DENIED, 'denies access'),
    ('status_204', 'always', BROKEN, 'HTTP 204'),
    ('status_304', 'always', BROKEN, 'HTTP 304'),
    ('status_412', 'always', BROKEN, 'HTTP 412'),
    ('status_429', 'once', SERVED, None),
    ('status_429', 'later', BROKEN, 'HTTP 429'),
    ('retry_at_a_date', 'once', SERVED, None),
    *(('retry_tomorrow', when, BROKEN, 'HTTP 503|takes none') for when in ('always', 'later')),
    ('quota_spent', 'always', SERVED, None),
    ('condition', 'always', SERVED, None),
    # connections
    *((name, 'once', SERVED, None) for name in ('reset', 'closed', 'reset_after_headers',
                                                'reset_in_the_body', 'short_body',
                                                'short_body_without_length')),
    *((name, when, BROKEN, LATE)
      for name in ('reset', 'closed', 'reset_after_headers', 'short_body_without_length', 'silent',
                   'stalls', 'slow_headers', 'slow_body')
      for when in ('always', 'later')),
    *((name, when, BROKEN, LATE) for name in ('short_body', 'reset_in_the_body')
      for when in ('always', 'later')),
    # ranges
    *((name, when, BROKEN, NOT_USABLE)
      for name in ('range_missing', 'range_star', 'range_total_unknown', 'range_shifted',
                   'range_shorter', 'range_twice', 'range_no_number', 'range_backwards',
                   'range_huge', 'range_wraps', 'range_unit', 'other_range', 'multipart', 'gzip',
                   'gzip_without_length', 'etag_twice')
      for when in ('always', 'later')),
    ('long_body', 'later', BROKEN, f'{NOT_USABLE}|more than'),
    ('long_body', 'always', BROKEN, f'{NOT_USABLE}|more than'),
    ('long_body_without_length', 'later', BROKEN, 'more than'),
    ('long_body_without_length', 'always', BROKEN, 'more than'),
    ('length_twice', 'later', BROKEN, f'{NOT_USABLE}|speak HTTP'),
    ('whole', 'always', SERVED, None),
    ('whole', 'later', BROKEN, 'something else than the range'),
    ('whole_endless', 'always', 69, 'does not answer range requests'),
    ('whole_endless', 'later', BROKEN, 'something else than the range'),
    ('login_page', 'always', 69, 'neither an ETag'),
    ('login_page', 'later', BROKEN, 'something else than the range'),
    *((name, 'always', SERVED, None)
      for name in ('no_suffix_200', 'no_suffix_416', 'no_suffix_400')),
    # versions
    *((name, 'later', BROKEN, 'changed')
      for name in ('etag_changed', 'etag_gone', 'etag_weak', 'total_changed', 'new_content',
                   'weak_changed')),
    ('new_content', 'always', BROKEN, 'changed'),
    ('weak_changed', 'always', BROKEN, 'changed'),
    ('etag_changed', 'always', SERVED, None),
    ('etag_weak', 'always', SERVED, 'warning: the server gives no strong ETag'),
    ('etag_gone', 'always', SERVED, 'warning: the server gives no strong ETag'),
    ('head_of_another', 'always', SERVED, None),
    ('no_version', 'always', 69, 'neither an ETag'),
    # what is no HTTP
    *((name, when, BROKEN, 'HTTP|malformed|usable|broke|time')
      for name in ('garbage', 'http_09', 'status_line_only', 'status_no_number')
      for when in ('always', 'later')),
    *(('header_nul', when, BROKEN, f'{NOT_USABLE}|speak HTTP') for when in ('always', 'later')),
    ('headers_large', 'later', BROKEN, 'too large'),
    ('headers_large', 'always', BROKEN, 'too large'),
    ('headers_many', 'later', BROKEN, 'too large|HTTP'),
    # what has no end
    *((name, when, BROKEN, words) for name, words in (
        ('hints_endless', 'too large'), ('chunk_extension_endless', LATE),
        ('trailers_endless', 'too large'), ('chunks_too_many', 'more than'),
        ('transfer_bomb', 'more than|usable|failed'))
      for when in ('always', 'later')),
    ('total_of_one', 'always', SERVED, None),
    # redirects
    ('redirect_5', 'always', SERVED, None),
    ('redirect_expires', 'always', SERVED, None),
    ('redirect_6', 'always', BROKEN, 'redirects too often'),
    ('redirect_loop', 'always', BROKEN, 'redirects too often'),
    ('redirect_to_file', 'always', BROKEN, 'no http or https URL'),
    ('redirect_to_nothing', 'always', BROKEN, 'HTTP 302'),
    ('redirect_to_other_host', 'always', SERVED, None),
    ('redirect_from_outside', 'always', SERVED, None),
]

def names(rows):
    return [f'{name}-{when}' for name, when, *_ in rows]


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    data = random.Random(18)
    files = {
        'zarr.json': group(multiscales=[multiscale()]), '0/zarr.json': array(
            (3, CHUNK), (1, CHUNK)), **{name: data.randbytes(CHUNK)
                                        for name in CHUNKS}
    }
    return write(tmp_path_factory.mktemp('archive') / 'x.ozx',
                 files), b''.join(files[name] for name in CHUNKS)


def read_all(url, **environment):
    """All chunks: how that ended (None: it hangs), and how long it took."""
    began = time.monotonic()
    try:
        ended = run('cat', url, *CHUNKS, timeout=100,
                    env={'OZXFS_DEADLINE': str(DEADLINE), **environment})
    except subprocess.TimeoutExpired:
        ended = None
    return ended, time.monotonic() - began


def is_made_of_parts(out, content):
    """Each file is a part of its own bytes from the front, one behind the other."""
    parts = [content[n:n + CHUNK] for n in range(0, len(content), CHUNK)]
    reached = {0}
    for part in parts:
        ends = set()
        for at in reached:
            size = next((n for n in range(len(part), -1, -4096)
                         if out[at:at + n] == part[:n] and len(out[at:at + n]) == n), 0)
            ends |= {at, at + size}
        reached = ends
    return len(out) in reached


def check(result, content, when, status, words):
    """No wrong byte, an end in time, and lines that say why."""
    ended, seconds = result
    assert ended, 'it hangs'
    told = ended.stderr.decode()
    assert ended.returncode == status, told
    if status == SERVED:
        assert ended.stdout == content
    else:
        assert is_made_of_parts(ended.stdout, content) and len(ended.stdout) < len(content)
        assert told
    lines = told.splitlines()
    assert len({line for line in lines if ': warning: ' not in line}) <= len(CHUNKS), told
    assert all(re.match('ozxfs: https?://127.0.0.1:', line) for line in lines), told
    assert re.search(words, told) if words else not told, told
    assert not re.search(r'[^\x20-\x7e\n]', told)
    # Three chunks: the first has all of the deadline, the others 5 s at most while the server is
    # gone.
    patience = DEADLINE + SLACK
    assert seconds < (1 if when == 'always' else len(CHUNKS)) * patience, f'{seconds:.1f} s'
