# SPDX-License-Identifier: BSD-2-Clause
"""More faults of answers.py: answers without an end, and those that are larger than they look."""
import contextlib
import gzip

from answers import HEAD, fault


def endless(server, answer, send, more):
    """For ever, as long as somebody takes it."""
    answer.sent, answer.cut = True, 'at once'
    with contextlib.suppress(OSError):
        while not server.stopping.wait(0.001):
            send(more)


@fault
def hints_endless(server, answer, handler):
    """Answers before the answer."""
    endless(server, answer, handler.send_hints, 5000)


@fault
def chunk_extension_endless(server, answer, handler):
    with contextlib.suppress(OSError):
        handler.send(handler.chunked_head(answer) + b'10;a=')
    endless(server, answer, handler.send, b'a' * 100_000)


@fault
def trailers_endless(server, answer, handler):
    """The bytes are right, and something follows them."""
    with contextlib.suppress(OSError):
        handler.begin_body(answer)
        handler.send_part(answer.body)
        handler.begin_trailers()
    endless(server, answer, handler.send_trailers, 200)


@fault
def parts_endless(server, answer, handler):
    """The right bytes, and then more of them."""
    with contextlib.suppress(OSError):
        handler.begin_body(answer)
    endless(server, answer, handler.send_part, answer.body)


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
