# SPDX-License-Identifier: BSD-2-Clause
"""What servers, proxies and networks do to an archive that is read by ranges, in one table: over
three transports, and by two ways to read it. What is not possible is listed with its reason."""
from kit.launch import LONG, SANITIZED

SLACK = 6 * (1 + 2 * SANITIZED)
SERVED, BROKEN, REFUSED, DENIED = 0, 74, 66, 77
NOT_USABLE = 'not usable'
LATE = 'in time|broke|ended early|HTTP 5|cannot connect|HTTP 4'

TRANSPORTS = ('http', 'tls', 'http2')
WAYS = ('cat', 'mount')

# fault, when, exit status, what the line says (None: nothing is said). Of a row of 'always' and
# 'later', nothing comes out of `cat` but a part of the right bytes; of one that is served, all of
# them. A mount of 'always' is refused with that status and line, one of 'later' is made: what is
# read there fails, until the server is well again.
TABLE = [
    ('none', 'always', SERVED, None),
    # the server, for a moment or for good
    *((f'status_{n}', 'once', SERVED, None) for n in (500, 502, 503, 504)),
    *((f'status_{n}', 'always', BROKEN, f'HTTP {n}|in time') for n in (500, 502, 503, 504)),
    *((f'status_{n}', 'later', BROKEN, f'HTTP {n}|in time')
      for n in (204, 304, 401, 403, 404, 410, 412, 500, 503)),
    ('status_404', 'always', REFUSED, 'no such file'),
    ('status_410', 'always', REFUSED, 'gone'),
    ('status_401', 'always', DENIED, 'requires a login'),
    ('status_403', 'always', DENIED, 'denies access'),
    ('status_204', 'always', BROKEN, 'HTTP 204'),
    ('status_304', 'always', BROKEN, 'HTTP 304'),
    ('status_412', 'always', BROKEN, 'HTTP 412'),
    ('status_429', 'once', SERVED, None),
    ('status_429', 'later', BROKEN, 'HTTP 429'),
    ('retry_at_a_date', 'once', SERVED, None),
    *(('retry_tomorrow', when, BROKEN, 'HTTP 503|accepts none') for when in ('always', 'later')),
    ('quota_spent', 'always', SERVED, None),
    ('condition', 'always', SERVED, None),
    # connections
    *((name, 'once', SERVED, None) for name in ('reset', 'closed', 'reset_after_headers',
                                                'reset_in_the_body', 'short_body',
                                                'short_body_without_length')),
    *((name, when, BROKEN, LATE)
      for name in ('reset', 'closed', 'reset_after_headers', 'short_body_without_length', 'silent',
                   'stalls', 'slow_headers', 'slow_body', 'dripping_body')
      for when in ('always', 'later')),
    ('slow_line', 'later', SERVED, None),
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
    *(('length_twice', when, BROKEN, f'{NOT_USABLE}|speak HTTP') for when in ('always', 'later')),
    ('whole', 'always', SERVED, None),
    ('whole', 'later', BROKEN, 'something other than the range'),
    ('whole_endless', 'always', 69, 'does not support range requests'),
    ('whole_endless', 'later', BROKEN, 'something other than the range'),
    ('login_page', 'always', 69, 'neither an ETag'),
    ('login_page', 'later', BROKEN, 'something other than the range'),
    *((name, 'always', SERVED, None)
      for name in ('no_suffix_200', 'no_suffix_416', 'no_suffix_400')),
    # versions
    *((name, 'later', BROKEN, 'changed')
      for name in ('etag_changed', 'etag_gone', 'etag_weak', 'total_changed', 'new_content',
                   'weak_changed')),
    ('etag_changed', 'always', SERVED, None),
    ('etag_weak', 'always', SERVED, 'warning: the server gives no strong ETag'),
    ('etag_gone', 'always', SERVED, 'warning: the server gives no strong ETag'),
    ('head_of_another', 'always', SERVED, None),
    ('no_version', 'always', 69, 'neither an ETag'),
    # what is no HTTP
    *((name, when, BROKEN, 'HTTP|malformed|usable|broke|time')
      for name in ('garbage', 'http_09', 'status_line_only', 'status_2x6')
      for when in ('always', 'later')),
    *(('header_nul', when, BROKEN, f'{NOT_USABLE}|speak HTTP') for when in ('always', 'later')),
    ('headers_large', 'later', BROKEN, 'too large'),
    ('headers_large', 'always', BROKEN, 'too large'),
    *(('headers_many', when, BROKEN, 'too large|HTTP') for when in ('always', 'later')),
    # what has no end
    *((name, when, BROKEN, words) for name, words in (
        ('hints_endless', 'too large'), ('chunk_extension_endless', LATE),
        ('trailers_endless', 'too large'), ('parts_endless', 'more than'),
        ('transfer_bomb', 'more than|usable|failed'))
      for when in ('always', 'later')),
    ('total_of_one', 'always', SERVED, None),
    # redirects
    ('redirect_5', 'always', SERVED, None),
    ('redirect_expires', 'always', SERVED, None),
    ('redirect_6', 'always', BROKEN, 'redirects too often'),
    ('redirect_loop', 'always', BROKEN, 'redirects too often'),
    ('redirect_to_file', 'always', BROKEN, 'other than an http or https URL'),
    ('redirect_to_nothing', 'always', BROKEN, 'HTTP 302'),
    ('redirect_to_other_host', 'always', SERVED, None),
    ('redirect_from_outside', 'always', SERVED, None),
    # signed URLs that expire
    ('signature_expires', 'later', BROKEN, 'has expired'),
    ('signature_renewed', 'later', SERVED, None),
    ('signature_of_another', 'later', BROKEN, 'changed'),
]
OF_STREAMS = [
    *((name, 'once', SERVED, None) for name in ('rst_stream', 'rst_in_the_body', 'refused_stream')),
    *((name, when, BROKEN, LATE)
      for name in ('rst_stream', 'rst_in_the_body', 'refused_stream', 'goaway_at_once')
      for when in ('always', 'later')),
    ('goaway', 'always', SERVED, None),
    ('connection_resets', 'later', SERVED, None),
    ('goaway_at_once', 'once', SERVED, None),
]
# Where nghttp2 looks at the same thing itself, and libcurl says no more than that it failed.
WORDS = {('http2', name): f'{LATE}|not usable|more than|HTTP 103'
         for name in ('header_nul', 'headers_large', 'headers_many', 'hints_endless',
                      'trailers_endless', 'length_twice', 'long_body')}

# All bytes come, and then the connection breaks: whether libcurl gives them before, is by chance.
EITHER = {('http2', 'trailers_endless')}

# Of (transport, fault): why there is no such thing.
NOT_POSSIBLE = {
    **{(transport, name): 'only HTTP/2 has streams, and connections that say goodbye'
       for transport in ('http', 'tls') for name, *_ in OF_STREAMS},
    **{('http2', name): 'HTTP/2 has no chunks and no coding of the transfer (RFC 9113, 8.2.2)'
       for name in ('chunk_extension_endless', 'transfer_bomb')},
}
# These outlast the fault: an object that is another one, a server that said when to come back.
FOR_GOOD = {name for name, _, _, words in TABLE if words == 'changed'} | {'retry_tomorrow'}



def product(rows=(*TABLE, *OF_STREAMS)):
    """Every (transport, way, row). By default a part of it: each is mounted once, by the transports
    in turn, and read by `cat` over HTTP/1.1 and HTTP/2, and in turn over TLS; where a sanitizer
    watches only in turn. With OZXFS_LONG all of it."""
    for number, row in enumerate(rows):
        transports = [transport for transport in TRANSPORTS
                      if (transport, row[0]) not in NOT_POSSIBLE]
        for transport in transports:
            for way in WAYS:
                turn = transports[number % len(transports)] == transport
                if LONG or turn or (way == 'cat' and transport != 'tls' and not SANITIZED):
                    yield transport, way, row


def name_of(case):
    transport, way, (fault, when, *_) = case
    return f'{transport}-{way}-{fault}-{when}'
