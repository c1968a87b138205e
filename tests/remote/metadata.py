# SPDX-License-Identifier: BSD-2-Clause
"""Services that give a machine its credentials: the metadata of an instance (by sessions, version
2) and the address of a container."""
import contextlib
import http.server
import json
import time

from loopback import LoopbackServer, running

ROLE = 'the-role'
NAMES = '/latest/meta-data/iam/security-credentials/'


class MetadataHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_arguments):
        pass

    def answer(self, status, text=''):
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    def keys(self):
        server = self.server
        expires = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + server.lasts_s))
        told = {'Code': 'Success', 'Nested': {'AccessKeyId': 'no'}, 'Expiration': expires,
                'AccessKeyId': server.key_id, 'SecretAccessKey': server.secret,
                'Token': server.token}
        return json.dumps(told).replace('/', '\\/').replace('GEHEIM', '\\u0047EHEIM')

    def handle_it(self):
        server = self.server
        server.requests.append((self.command, self.path, dict(self.headers)))
        if server.fault:
            server.fault(self)
        elif self.path == '/keys':
            good = self.headers['Authorization'] == server.authorization
            self.answer(*((200, self.keys()) if good else (401,)))
        elif self.path == '/latest/api/token':
            good = self.command == 'PUT' and self.headers['X-aws-ec2-metadata-token-ttl-seconds']
            self.answer(*((200, server.session) if good else (405,)))
        elif self.headers['X-aws-ec2-metadata-token'] != server.session:
            self.answer(401)
        elif self.path == NAMES:
            self.answer(200, ROLE + '\n')
        else:
            self.answer(*((200, self.keys()) if self.path == NAMES + ROLE else (404,)))

    do_GET = do_PUT = handle_it


class MetadataServer(LoopbackServer):
    def __init__(self, address, port):
        super().__init__((address, port), MetadataHandler)
        self.key_id, self.secret, self.token = None, None, 'GEHEIM-token'
        self.lasts_s, self.authorization, self.session = 3600, None, 'GEHEIM-session'
        self.fault, self.requests = None, []


def serving_metadata(address='127.0.0.1', port=0):
    return running(MetadataServer(address, port))
