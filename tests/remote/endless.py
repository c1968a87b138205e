# SPDX-License-Identifier: BSD-2-Clause
"""More faults of server.py: answers without an end, and those that are larger than they look."""
import contextlib
import gzip

from server import HEAD, fault


def endless(server, handler, head, more):
    """For ever, as long as somebody takes it."""
    with contextlib.suppress(OSError):
        handler.connection.sendall(head)
        while not server.stopping.wait(0.001):
            handler.connection.sendall(more)


@fault
def hints_endless(server, answer, handler):
    """Answers before the answer."""
    endless(server, handler, b'', b'HTTP/1.1 103 Early Hints\r\n\r\n' * 100)
    answer.cut = 'at once'


def chunked_head(answer):
    lines = [f'{name}: {value}' for name, value in answer.headers if name != 'Content-Length']
    return '\r\n'.join([f'HTTP/1.1 {answer.status} What', *lines, 'Transfer-Encoding: chunked',
                        '', '']).encode()


@fault
def chunk_extension_endless(server, answer, handler):
    endless(server, handler, chunked_head(answer) + b'10;a=', b'a' * 1000)
    answer.cut = 'at once'


@fault
def trailers_endless(server, answer, handler):
    """The bytes are right, and something follows them."""
    body = b'%x\r\n%b\r\n0\r\n' % (len(answer.body), answer.body)
    endless(server, handler, chunked_head(answer) + body, (b'X-More: ' + b'a' * 50 + b'\r\n') * 100)
    answer.cut = 'at once'


@fault
def chunks_too_many(server, answer, handler):
    """The right bytes, and then more of them without end."""
    one = b'%x\r\n%b\r\n' % (len(answer.body), answer.body)
    endless(server, handler, chunked_head(answer), one)
    answer.cut = 'at once'


BOMB = gzip.compress(bytes(16 << 20))


@fault
def transfer_bomb(_server, answer, _handler):
    """A coding of the transfer that nobody asked for, of more than a thousand times the bytes."""
    answer.put('Content-Length')
    answer.put('Transfer-Encoding', 'gzip, chunked')
    answer.body = b'%x\r\n%b\r\n0\r\n\r\n' % (len(BOMB), BOMB)


@fault
def total_of_one(_server, answer, _handler):
    """Opening's two answers are of objects of two sizes, and of one ETag."""
    if answer.status == 206 and answer.asked == HEAD:
        answer.put('Content-Range', f'bytes {answer.first}-{answer.last}/{answer.size + 1}')
