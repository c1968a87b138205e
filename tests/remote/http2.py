# SPDX-License-Identifier: BSD-2-Clause
"""The server of faults over HTTP/2, and the faults that only that has: streams that are reset,
connections that say goodbye, no streams at all."""
import contextlib
import email.message
import socket
import ssl
import struct
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import hyperframe.frame

from server import Asked, Handler, serving

FRAME = 1 << 14
GOAWAY_AFTER = 2  # answers of a connection
NOT_OF_HTTP2 = ('connection', 'keep-alive', 'transfer-encoding')
OWN = ('rst_stream', 'rst_in_the_body', 'refused_stream', 'goaway', 'goaway_at_once',
       'connection_resets', 'connection_silent', 'connection_heads')


class Stream(Asked):
    """One request. To the faults of answers.py it is a handler."""

    def __init__(self, handler, number, headers):
        self.handler, self.server, self.number = handler, handler.server, number
        self.headers = email.message.Message()
        for name, value in headers:
            if not name.startswith(':'):
                self.headers[name] = value
        pseudo = dict(headers)
        self.path, self.command = pseudo[':path'], pseudo[':method']
        self.headers['Host'] = pseudo[':authority']

    # --- what a fault may send; OSError: the stream is gone

    def send(self, data):
        """As it is, of no stream. The first to do so has the connection for itself."""
        handler = self.handler
        with handler.changed:
            while handler.raw not in (None, self):
                if handler.gone or not handler.changed.wait(20):
                    raise OSError('gone')
            handler.raw = self
            handler.push(data)

    def do(self, what):
        try:
            self.handler.send(what)
        except h2.exceptions.ProtocolError as error:
            raise OSError('the stream is gone') from error

    @staticmethod
    def fields_of(answer):
        return [(':status', str(answer.status))] + [
            (name.lower(), value)
            for name, value in answer.headers if name.lower() not in NOT_OF_HTTP2
        ]

    def head(self, answer):
        """Its frame, for who sends that in pieces."""
        block = hpack.Encoder().encode(self.fields_of(answer), huffman=False)
        frame = hyperframe.frame.HeadersFrame(self.number, block, flags=['END_HEADERS'])
        return frame.serialize()

    def send_head(self, answer):
        self.do(lambda http: http.send_headers(self.number, self.fields_of(answer)))

    def send_body(self, data):
        try:
            self.handler.send_body(self.number, data)
        except h2.exceptions.ProtocolError as error:
            raise OSError('the stream is gone') from error

    def send_hints(self, count):
        block = hpack.Encoder().encode([(':status', '103')])
        frame = hyperframe.frame.HeadersFrame(self.number, block, flags=['END_HEADERS'])
        self.send(frame.serialize() * count)

    def begin_body(self, answer):
        answer.put('Content-Length')
        self.send_head(answer)

    send_part = send_body

    def begin_trailers(self):
        """A block of headers whose frames have no last one."""
        self.send(hyperframe.frame.HeadersFrame(self.number, b'').serialize())

    def send_trailers(self, count):
        block = hpack.Encoder().encode([('x-more', 'a' * 50)], huffman=False)
        self.send(hyperframe.frame.ContinuationFrame(self.number, block * count).serialize())

    # --- what is made of it

    def run(self):
        with contextlib.suppress(OSError):
            answer, fault = self.find(but=OWN)
            self.server.wait_for_others()
            self.answer(answer, fault)
        self.handler.end_of(self.number)

    def is_of_the_broken(self):
        """Of the connection, and of none that is made later."""
        with self.server.lock:
            return self.server.broken.setdefault(self.path, self.handler) is self.handler

    def answer(self, answer, fault):
        handler, codes = self.handler, h2.errors.ErrorCodes
        if fault and fault.startswith('connection_') and self.is_of_the_broken():
            if fault == 'connection_resets':
                handler.reset(self.number, codes.INTERNAL_ERROR)
            elif fault == 'connection_heads':
                self.send_head(answer)
            return
        if fault == 'goaway_at_once':
            handler.say_goodbye(0)
        elif fault in ('rst_stream', 'refused_stream'):
            handler.reset(self.number, codes.REFUSED_STREAM if fault == 'refused_stream' else
                          codes.INTERNAL_ERROR)
        elif answer.cut == 'at once':
            handler.drop(answer.resets)
        elif not answer.sent:
            self.answer_by(answer, fault)

    def answer_by(self, answer, fault):
        handler = self.handler
        cut = len(answer.body) // 2 if fault == 'rst_in_the_body' else answer.cut
        self.send_head(answer)
        self.send_body(answer.body if cut is None else answer.body[:cut])
        if answer.hold:
            self.server.stopping.wait(20)
        if fault == 'rst_in_the_body':
            handler.reset(self.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif answer.resets or answer.hold:
            handler.drop(answer.resets)
        else:
            self.do(lambda http: http.end_stream(self.number))
        if fault == 'goaway':
            handler.answered()


class Http2Handler(Handler):
    """A thread reads, one for each request answers. TLS is between buffers: its state is one
    thread's at a time, and a socket may be read and written at once."""
    is_wrapped = False

    def setup(self):
        super().setup()
        self.http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding='latin-1',
                                      validate_outbound_headers=False))
        if self.server.no_streams:
            codes = h2.settings.SettingCodes
            self.http.local_settings = h2.settings.Settings(
                client=False, initial_values={codes.MAX_CONCURRENT_STREAMS: 0})
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.server.tls.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.changed, self.count, self.open = threading.Condition(), 0, set()
        self.gone, self.leaving, self.raw = False, False, None

    # --- with `changed` held

    def push(self, plain=b''):
        if plain:
            self.tls.write(plain)
        if data := self.outgoing.read():
            self.connection.sendall(data)

    def flush(self):
        self.push(self.http.data_to_send())

    def leave_if_idle(self):
        if self.leaving and not self.open and not self.gone:
            self.gone = True
            self.changed.notify_all()
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    # --- of the streams' threads

    def send(self, do):
        with self.changed:
            do(self.http)
            self.flush()

    def reset(self, number, code):
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self.send(lambda http: http.reset_stream(number, code))

    def drop(self, resets):
        """The connection, and with it all streams."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()
        if resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD if resets else socket.SHUT_RDWR)

    def send_body(self, number, body):
        at = 0
        while at < len(body):
            with self.changed:
                while not (room := self.http.local_flow_control_window(number)):
                    if self.gone or not self.changed.wait(20):
                        raise OSError('no window')
                size = min(room, FRAME, len(body) - at)
                self.http.send_data(number, body[at:at + size])
                self.flush()
            at += size

    def answered(self):
        with self.changed:
            self.count += 1
            last = self.count == GOAWAY_AFTER
        if last:
            self.say_goodbye(None)

    def say_goodbye(self, last):
        """The streams up to `last` will be answered; None: all that came, and then it ends."""
        with self.changed:
            frame = hyperframe.frame.GoAwayFrame(0)
            frame.last_stream_id = max(self.open, default=0) if last is None else last
            self.push(frame.serialize())
            self.leaving = True
            if last == 0:
                self.open.clear()
            self.leave_if_idle()

    def end_of(self, number):
        with self.changed:
            self.open.discard(number)
            self.leave_if_idle()

    # --- of the connection's

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                self.push()
                return
            except ssl.SSLWantReadError:
                self.push()
                self.incoming.write(self.connection.recv(1 << 16) or self.fail())

    @staticmethod
    def fail():
        raise OSError('closed')

    def receive(self):
        plain, data = b'', self.connection.recv(1 << 16) or self.fail()
        with self.changed:
            self.incoming.write(data)
            with contextlib.suppress(ssl.SSLWantReadError):
                while part := self.tls.read(1 << 16):
                    plain += part
            events = self.http.receive_data(plain)
            self.flush()
            requests = [event for event in events if not self.leaving and
                        isinstance(event, h2.events.RequestReceived)]
            self.open |= {event.stream_id for event in requests}
            self.changed.notify_all()
        for event in requests:
            stream = self.server.stream(self, event.stream_id, event.headers)
            threading.Thread(target=stream.run, daemon=True).start()

    def handle(self):
        with contextlib.suppress(OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            self.shake_hands()
            self.send(lambda http: http.initiate_connection())
            while True:
                self.receive()
        with self.changed:
            self.gone = True
            self.changed.notify_all()


def speak_http2(server, certificate, key, stream=Stream, no_streams=False):
    """From now on, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(['h2'])
    server.tls, server.no_streams, server.scheme = context, no_streams, 'https'
    server.stream, server.broken = stream, {}
    server.RequestHandlerClass = Http2Handler


@contextlib.contextmanager
def serving_http2(content, certificate, key, no_streams=False):
    with serving(content) as server:
        speak_http2(server, certificate, key, no_streams=no_streams)
        yield server
