# SPDX-License-Identifier: BSD-2-Clause
"""A server of one object, with faults. The path is /FAULT/WHEN/KEY/x.ozx: WHEN is 'always', 'once'
(each range is answered well when it is asked for again) or 'later' (opening's two requests are
answered well). KEY makes a path of its own for each row of the table. This one speaks HTTP/1.1,
with TLS or without (HTTP/2: http2.py); its faults are those of answers.py and endless.py."""
import collections
import contextlib
import http.server
import re
import socket
import struct
import threading
import time

import endless  # noqa: F401  (its faults become known)
from answers import FAULTS, OPENING_REQUESTS, Answer


class Asked:
    """A request: of any handler that has `server`, `path` and `headers`."""

    def is_faulty(self, when):
        path = self.path.partition('?')[0]
        with self.server.lock:
            for name in {path, self.path}:
                self.server.counts[name] += 1
            # going on from where it broke is asking again
            asked = (self.path, (self.headers['Range'] or '').rpartition('-')[2])
            seen = asked in self.server.seen
            self.server.seen.add(asked)
            count = self.server.counts[path]
        return when == 'always' or (when == 'once' and not seen) or (when == 'later'
                                                                     and count > OPENING_REQUESTS)

    def find(self, but=()):
        """The answer, and the fault that was made of it. Those of `but` are made elsewhere."""
        _, name, when, *_rest = self.path.split('/')
        self.server.requests.append((self.path, self.command, dict(self.headers.items())))
        content = self.server.content
        if 'size=' in self.path:
            content = content[:int(self.path.split('size=')[1].split('/')[0])]
        answer = Answer(content, self.headers['Range'])
        if not self.is_faulty(when):
            return answer, None
        if name.startswith('redirect_to_plain_'):
            answer.replace(
                302, Location=f'http://127.0.0.1:{name.rpartition("_")[2]}/none/always/k/x.ozx')
        elif name not in but:
            FAULTS[name](self.server, answer, self)
        return answer, name


class Handler(Asked, http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    is_wrapped = True  # in TLS, where the server has that

    def log_message(self, *_arguments):
        pass

    @staticmethod
    def head(answer, *more):
        lines = [f'HTTP/1.1 {answer.status} What',
                 *(f'{name}: {value}' for name, value in answer.headers), *more]
        return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')

    def send(self, data):
        self.connection.sendall(data)

    def send_head(self, answer):
        self.send(self.head(answer))

    send_body = send

    def send_hints(self, count):
        self.send(b'HTTP/1.1 103 Early Hints\r\n\r\n' * count)

    def chunked_head(self, answer):
        answer.put('Content-Length')
        return self.head(answer, 'Transfer-Encoding: chunked')

    def begin_body(self, answer):
        self.send(self.chunked_head(answer))

    def send_part(self, data):
        self.send(b'%x\r\n%b\r\n' % (len(data), data))

    def begin_trailers(self):
        self.send(b'0\r\n')

    def send_trailers(self, count):
        self.send((b'X-More: ' + b'a' * 50 + b'\r\n') * count)

    def do_GET(self):
        self.path = re.sub('^http://[^/]*', '', self.path)  # as a proxy it asks itself
        answer, _ = self.find()
        if answer.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack('ii', 1, 0))
        self.close_connection = answer.cut is not None or ('Connection', 'close') in answer.headers
        if answer.cut == 'at once' or answer.sent:
            return
        with contextlib.suppress(OSError):
            self.send_head(answer)
            self.send(answer.body if answer.cut is None else answer.body[:answer.cut])
            if answer.hold:
                self.server.stopping.wait(20)

    do_HEAD = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, content, tls=None, address='127.0.0.1', port=0):
        super().__init__((address, port), Handler)
        self.content, self.lock, self.stopping = content, threading.Lock(), threading.Event()
        self.counts, self.seen, self.requests = collections.Counter(), set(), []
        self.inside, self.connections, self.endless_bytes = '127.0.0.1', 0, 0
        self.sockets, self.tls = [], tls
        self.scheme, self.url_files = 'https' if tls else 'http', {}
        self.wait_for_others = lambda: None

    def get_request(self):
        self.connections += 1
        accepted, address = super().get_request()
        if self.tls and self.RequestHandlerClass.is_wrapped:  # the handshake is for its thread
            accepted = self.tls.wrap_socket(accepted, server_side=True,
                                            do_handshake_on_connect=False)
        self.sockets.append(accepted)
        return accepted, address

    def drop_all(self):
        for one in self.sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def base(self, host='127.0.0.1'):
        return f'{self.scheme}://{host}:{self.server_port}'

    def url(self, fault_name='none', when='always', key='k', login='', query=''):
        return f'{self.base(f"{login}127.0.0.1")}/{fault_name}/{when}/{key}/x.ozx{query}'

    def handle_error(self, *_arguments):
        pass


@contextlib.contextmanager
def serving(content, tls=None, address='127.0.0.1', port=0):
    server = Server(content, tls, address, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == '__main__':  # server.py FILE [ADDRESS [PORT]]: elsewhere, or to try things by hand
    import sys
    where = dict(zip(('address', 'port'), (*sys.argv[2:3], *map(int, sys.argv[3:]))))
    with open(sys.argv[1], 'rb') as archive, serving(archive.read(), **where) as alone:
        print(alone.url().replace('127.0.0.1', alone.server_address[0]), flush=True)
        while True:
            time.sleep(60)
