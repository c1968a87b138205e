# SPDX-License-Identifier: BSD-2-Clause
"""What a server of one object answers, and what faults make of it: by what any handler can send."""
import contextlib
import email.utils
import gzip
import re
import time

ETAG, OTHER_ETAG = '"v1"', '"v2"'
MODIFIED, LATER = 'Wed, 01 Jan 2025 00:00:00 GMT', 'Thu, 02 Jan 2025 00:00:00 GMT'
OPENING_REQUESTS = 2
HEAD = 'bytes=0-65535'  # one of them


class Answer:
    """What would be right; a fault changes some of it."""

    def __init__(self, content, asked):
        size = len(content)
        found = re.fullmatch(r'bytes=(\d*)-(\d*)', asked or '')
        self.size, self.asked, self.cut = size, asked, None
        self.resets = self.hold = self.sent = False
        self.headers = [('ETag', ETAG), ('Last-Modified', MODIFIED), ('Accept-Ranges', 'bytes')]
        self.status, self.first, self.last = 200, 0, size - 1
        if found and size:
            first, last = found.groups()
            self.status = 206
            self.first = int(first) if first else max(0, size - int(last))
            self.last = min(int(last), size - 1) if first and last else size - 1
            self.headers.append(('Content-Range', f'bytes {self.first}-{self.last}/{size}'))
        elif found:
            self.status = 416
            self.headers.append(('Content-Range', 'bytes */0'))
        self.body = content[self.first:self.last + 1] if self.status != 416 else b''
        self.headers.append(('Content-Length', str(len(self.body))))

    def put(self, name, *values):
        self.headers = [h for h in self.headers if h[0] != name] + [(name, v) for v in values]

    def replace(self, status, body=b'', **headers):
        self.status, self.body = status, body
        self.headers = [(name.replace('_', '-'), value)
                        for name, value in headers.items()] + [('Content-Length', str(len(body)))]


FAULTS = {}


def fault(function):
    FAULTS[function.__name__] = function
    return function


@fault
def none(_server, _answer, _handler):
    pass


# A status that is none, too.
for _status in ('2x6', 204, 304, 401, 403, 404, 410, 412, 500, 502, 503, 504):
    FAULTS[f'status_{_status}'] = lambda _s, answer, _h, status=_status: answer.replace(
        status, b'' if status in (204, 304) else b'<Error><Code>Why&#x1b;</Code></Error>')


@fault
def status_429(_server, answer, _handler):
    answer.replace(429, Retry_After='1')


@fault
def retry_at_a_date(_server, answer, _handler):
    now = time.time() + 3600  # its clock is an hour ahead
    answer.replace(429, Retry_After=email.utils.formatdate(now + 1.9, usegmt=True),
                   Date=email.utils.formatdate(now, usegmt=True))


@fault
def retry_tomorrow(_server, answer, _handler):
    answer.replace(503, Retry_After='86400')


@fault
def quota_spent(server, answer, handler):
    """Opening takes the last answers that it grants for the next two seconds."""
    if server.counts[handler.path] <= OPENING_REQUESTS:
        answer.headers += [('X-RateLimit-Remaining', '0'), ('X-RateLimit-Reset', '2')]


@fault
def condition(_server, answer, handler):
    """Says 412 to its own ETag."""
    if handler.headers['If-Match']:
        answer.replace(412)


# --- connections ---------------------------------------------------------------------------------

@fault
def reset(_server, answer, _handler):
    answer.cut, answer.resets = 'at once', True


@fault
def closed(_server, answer, _handler):
    answer.cut = 'at once'


@fault
def reset_after_headers(_server, answer, _handler):
    answer.cut, answer.resets = 0, True


@fault
def reset_in_the_body(_server, answer, _handler):
    answer.cut, answer.resets = len(answer.body) // 2, True


@fault
def short_body(_server, answer, _handler):
    answer.cut = len(answer.body) // 2


@fault
def short_body_without_length(_server, answer, _handler):
    answer.put('Content-Length')
    answer.put('Connection', 'close')
    answer.cut = len(answer.body) // 2


@fault
def silent(server, answer, _handler):
    server.stopping.wait(20)
    answer.cut = 'at once'


@fault
def stalls(_server, answer, _handler):
    answer.cut = len(answer.body) // 2
    answer.hold = True


@fault
def slow_headers(server, answer, handler):
    answer.put('X-Slow', 'a' * 200)
    drip(server, handler.send, handler.head(answer)[:200])
    answer.cut = 'at once'


def body_fault(name, size, seconds):
    """Comes so many bytes at a time."""
    def slow(server, answer, handler):
        handler.send_head(answer)
        drip(server, handler.send_body, answer.body, size, seconds)
        answer.sent = True
    FAULTS[name] = slow


body_fault('slow_body', 1, 0.1)
body_fault('dripping_body', 512, 0.2)  # more than the least that libcurl is content with
body_fault('slow_line', 48 << 10, 0.2)  # slow, and good


def drip(server, send, data, size=1, seconds=0.1):
    with contextlib.suppress(OSError):
        for at in range(0, len(data), size):
            send(data[at:at + size])
            if server.stopping.wait(seconds):
                return


# --- ranges --------------------------------------------------------------------------------------

def range_fault(name, make):
    def change(_server, answer, _handler):
        if answer.status == 206:
            answer.put('Content-Range', *make(answer))
    FAULTS[name] = change


range_fault('range_missing', lambda a: [])
range_fault('range_star', lambda a: [f'bytes */{a.size}'])
range_fault('range_total_unknown', lambda a: [f'bytes {a.first}-{a.last}/*'])
range_fault('range_shifted',
            lambda a: [f'bytes {a.first - 1 if a.first else 1}-{a.last - 1}/{a.size}'])
range_fault('range_shorter', lambda a: [f'bytes {a.first}-{a.last - 1}/{a.size}'])
range_fault(
    'range_twice',
    lambda a: [f'bytes {a.first}-{a.last}/{a.size}', f'bytes {a.first}-{a.last - 1}/{a.size}'])
range_fault('range_no_number', lambda a: ['bytes one-two/three'])
range_fault('range_backwards', lambda a: [f'bytes {a.last}-{a.first}/{a.size}'])
range_fault('range_huge', lambda a: [f'bytes {a.first}-{2 ** 63}/{2 ** 63 + 1}'])
range_fault('range_wraps',
            lambda a: [f'bytes {a.first + 2 ** 64}-{a.last + 2 ** 64}/{a.size + 2 ** 64}'])
range_fault('range_unit', lambda a: [f'pages {a.first}-{a.last}/{a.size}'])
range_fault('total_changed', lambda a: [f'bytes {a.first}-{a.last}/{a.size + 1}'])


@fault
def other_range(server, answer, _handler):
    """Well-formed, and of other bytes than were asked for."""
    if answer.status == 206 and answer.last - answer.first > 1:
        answer.body = server.content[answer.first + 1:answer.last + 1]
        answer.put('Content-Range', f'bytes {answer.first + 1}-{answer.last}/{answer.size}')
        answer.put('Content-Length', str(len(answer.body)))


@fault
def long_body(_server, answer, _handler):
    answer.body += b'more'
    answer.put('Content-Length', str(len(answer.body)))


@fault
def long_body_without_length(_server, answer, _handler):
    answer.body += b'more'
    answer.put('Content-Length')
    answer.put('Connection', 'close')


@fault
def whole(server, answer, _handler):
    """Knows no ranges."""
    answer.replace(200, server.content, ETag=ETAG, Last_Modified=MODIFIED)


@fault
def whole_endless(server, answer, handler):
    """10 GiB, as far as they are taken."""
    answer.replace(200, ETag=ETAG, Last_Modified=MODIFIED)
    answer.headers[-1] = ('Content-Length', str(10 << 30))
    with contextlib.suppress(OSError):
        handler.send_head(answer)
        for _ in range(10 << 10):
            handler.send_body(bytes(1 << 20))
            with server.lock:
                server.endless_bytes += 1 << 20
    answer.cut = 'at once'


@fault
def login_page(_server, answer, _handler):
    answer.replace(200, b'<html>Please log in</html>', Content_Type='text/html')


@fault
def multipart(_server, answer, _handler):
    answer.put('Content-Type', 'multipart/byteranges; boundary=x')


@fault
def head_of_another(_server, answer, _handler):
    """Of opening's two answers one is of another version."""
    if answer.asked == HEAD:
        answer.body = bytes(b ^ 0xff for b in answer.body)
        answer.put('ETag', OTHER_ETAG)


@fault
def gzip_without_length(_server, answer, _handler):
    answer.body = gzip.compress(answer.body)
    answer.put('Content-Encoding', 'gzip')
    answer.put('Content-Length')
    answer.put('Connection', 'close')


@fault
def no_suffix_200(server, answer, _handler):
    if answer.asked and answer.asked.startswith('bytes=-'):
        whole(server, answer, _handler)


@fault
def no_suffix_416(_server, answer, _handler):
    if answer.asked and answer.asked.startswith('bytes=-'):
        answer.replace(416)


@fault
def no_suffix_400(_server, answer, _handler):
    if answer.asked and answer.asked.startswith('bytes=-'):
        answer.replace(400)


# --- versions and forms --------------------------------------------------------------------------

def header_fault(fault_name, name, *values):
    FAULTS[fault_name] = lambda _s, answer, _h: answer.put(name, *values)


header_fault('etag_changed', 'ETag', OTHER_ETAG)
header_fault('etag_gone', 'ETag')
header_fault('etag_weak', 'ETag', 'W/' + ETAG)
header_fault('etag_twice', 'ETag', ETAG, OTHER_ETAG)
header_fault('gzip', 'Content-Encoding', 'gzip')
header_fault('length_twice', 'Content-Length', '1', '2')
header_fault('headers_large', 'X-Large', *('a' * 40_000 for _ in range(10)))
header_fault('headers_many', 'X-Many', *(str(n) + 'a' * 40 for n in range(10_000)))
header_fault('header_nul', 'ETag', '"v1\0x"')


@fault
def no_version(_server, answer, _handler):
    answer.put('ETag')
    answer.put('Last-Modified')


@fault
def weak_changed(server, answer, handler):
    """Without an ETag from the start, and changed behind the opening."""
    answer.put('ETag')
    if server.counts[handler.path] > OPENING_REQUESTS:
        answer.put('Last-Modified', LATER)


@fault
def new_content(server, answer, handler):
    """Another object of the same size, with an ETag that says so."""
    if server.counts[handler.path] > OPENING_REQUESTS:
        answer.body = bytes(b ^ 0xff for b in answer.body)
        answer.put('ETag', OTHER_ETAG)


def raw_fault(name, data):
    def send(_server, answer, handler):
        handler.send(data)
        answer.cut = 'at once'
    FAULTS[name] = send


raw_fault('garbage', b'\0\1\2\3' * 100)
raw_fault('http_09', b'these are the bytes\n')
raw_fault('status_line_only', b'HTTP/1.1 206')


# --- redirects -----------------------------------------------------------------------------------

def hops_left(handler):
    return int(re.search(r'hops=(\d+)', handler.path).group(1)) if 'hops=' in handler.path else None


def hop_fault(name, hops):
    def redirect(_server, answer, handler):
        left = hops_left(handler)
        left = hops if left is None else left
        if left:
            answer.replace(302, Location=f'{handler.path.split("?")[0]}?hops={left - 1}')
    FAULTS[name] = redirect


hop_fault('redirect_5', 5)
hop_fault('redirect_6', 6)


@fault
def redirect_loop(_server, answer, handler):
    answer.replace(302, Location=handler.path)


@fault
def redirect_expires(server, answer, handler):
    """To an end that answers twice; then the first URL knows another one."""
    path, _, end = handler.path.partition('?')
    if not end:
        answer.replace(302, Location=f'{path}?end={server.counts[path]}')
    elif server.counts[handler.path] > 2:
        answer.replace(403)


@fault
def redirect_to_file(_server, answer, _handler):
    answer.replace(302, Location='file:///etc/passwd')


@fault
def redirect_to_nothing(_server, answer, _handler):
    answer.replace(302)


@fault
def redirect_to_other_host(server, answer, handler):
    """127.0.0.1 is left for localhost, where nobody may hear of a password."""
    if handler.headers['Host'].startswith('127.'):
        answer.replace(302, Location=f'{server.base("localhost")}{handler.path}')
    elif handler.headers['Authorization']:
        answer.replace(500)


@fault
def redirect_from_outside(server, answer, handler):
    if not handler.headers['Host'].startswith(f'{server.inside}:'):
        answer.replace(302, Location=f'{server.base(server.inside)}{handler.path}')


# --- signatures ----------------------------------------------------------------------------------

def signature_fault(name, renewed, etag=ETAG):
    """The first one expires behind the opening, and the next one may be in the file by then."""
    def sign(server, answer, handler):
        path, _, query = handler.path.partition('?')
        if query == 'sig=2':
            answer.put('ETag', etag)
        else:
            answer.replace(403)
            if renewed:
                server.url_files[path].write_text(f'{server.base()}{path}?sig=2')
    FAULTS[name] = sign


signature_fault('signature_expires', False)
signature_fault('signature_renewed', True)
signature_fault('signature_of_another', True, OTHER_ETAG)
