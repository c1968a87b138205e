# SPDX-License-Identifier: BSD-2-Clause
"""A server of one bucket that checks signatures as S3 does, from the documentation of Signature
Version 4: what is signed has to be what came, and what has to be signed has to be there. By any
transport: transports.py."""
import calendar
import contextlib
import hashlib
import hmac
import re
import time
import urllib.parse

from answers import OPENING_REQUESTS, Answer
from loopback import running
from server import Handler, Server

KEY_ID, SECRET = 'AKIAOFTHETESTS', 'secret/of+the=tests'
AUTHORIZATION = re.compile(
    r'AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, '
    r'SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})')
CLOCK = 15 * 60


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Refused(Exception):
    def __init__(self, status, code, more='', **headers):
        super().__init__(code)
        self.status, self.code, self.more, self.headers = status, code, more, headers


class S3Asked:
    """A request, as that of server.py."""

    def target(self):
        """Path and query, also of a request to a proxy; a bucket in the host's name is put back."""
        target = self.path
        if target.startswith('http://'):
            target = '/' + target[7:].partition('/')[2]
        path, _, query = target.partition('?')
        return path, query

    def name(self):
        path, host = urllib.parse.unquote(self.target()[0]), self.headers['Host']
        if host.startswith('bucket.'):
            return 'bucket', path[1:]
        return tuple(path[1:].split('/', 1))

    def check_signature(self, path, query):
        server, headers = self.server, {name.lower(): value.strip()
                                        for name, value in self.headers.items()}
        found = AUTHORIZATION.fullmatch(headers.get('authorization', ''))
        if not found:
            raise Refused(400, 'AuthorizationHeaderMalformed')
        key_id, day, region, names, signature = found.groups()
        if region != server.region:
            raise Refused(400, 'AuthorizationHeaderMalformed', f'<Region>{server.region}</Region>')
        secret, token = server.keys.get(key_id, (None, None))
        if secret is None:
            raise Refused(403, 'InvalidAccessKeyId')
        must = {'host'} | {name for name in headers if name.startswith('x-amz-')}
        if not must <= set(names.split(';')) or names.split(';') != sorted(names.split(';')):
            raise Refused(403, 'AccessDenied')
        if headers.get('x-amz-content-sha256') != hashlib.sha256(b'').hexdigest():
            raise Refused(400, 'MissingSecurityHeader')
        when = headers['x-amz-date']
        there = time.time() + server.skew
        if abs(calendar.timegm(time.strptime(when, '%Y%m%dT%H%M%SZ')) - there) > CLOCK:
            raise Refused(403, 'RequestTimeTooSkewed',
                          Date=time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(there)))
        # as AWS does: decoded, and encoded by its own rules
        path = urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe='/-._~')
        pairs = sorted(
            tuple(urllib.parse.quote(urllib.parse.unquote_to_bytes(part), safe='-._~')
                  for part in (pair.partition('=')[0], pair.partition('=')[2]))
            for pair in query.split('&') if pair)
        request = '\n'.join([
            self.command, path, '&'.join('='.join(pair) for pair in pairs),
            *(f'{name}:{headers[name]}' for name in names.split(';')), '', names,
            headers['x-amz-content-sha256']
        ])
        scope = f'{day}/{region}/s3/aws4_request'
        text = '\n'.join(['AWS4-HMAC-SHA256', when, scope,
                          hashlib.sha256(request.encode()).hexdigest()])
        key = ('AWS4' + secret).encode()
        for step in scope.split('/'):
            key = digest(key, step)
        if not when.startswith(day) or digest(key, text).hex() != signature:
            raise Refused(403, 'SignatureDoesNotMatch')
        if headers.get('x-amz-security-token') != token:
            raise Refused(400, 'ExpiredToken' if token else 'InvalidToken')

    def find_object(self):
        server, (path, query) = self.server, self.target()
        if path == '/away':
            raise Refused(400, 'AuthorizationHeaderMalformed', '<Region>strange-1</Region>')
        if server.moved and f'/{server.region}/' not in self.headers.get('Authorization', ''):
            raise Refused(301, 'PermanentRedirect', x_amz_bucket_region=server.region)
        if server.elsewhere:
            raise Refused(307, 'TemporaryRedirect', Location=server.elsewhere)
        if server.busy:
            server.busy -= 1
            raise Refused(503, 'SlowDown')
        if not server.public or 'Authorization' in self.headers:
            if 'Authorization' not in self.headers:
                raise Refused(403, 'AccessDenied')
            self.check_signature(path, query)
        if server.payer and self.headers['x-amz-request-payer'] != 'requester':
            raise Refused(403, 'AccessDenied')
        bucket, key = self.name()
        if bucket != 'bucket':
            raise Refused(404, 'NoSuchBucket')
        if key not in server.objects:
            raise Refused(404, 'NoSuchKey')
        version = dict(urllib.parse.parse_qsl(query)).get('versionId')
        if version and not server.may_read_versions:
            raise Refused(403, 'AccessDenied')
        versions = server.objects[key]
        if version and version not in versions:
            raise Refused(404, 'NoSuchVersion')
        version = version or list(versions)[-1]
        return version, versions[version]

    def find(self, but=()):  # there are no faults that are made elsewhere
        with self.server.lock:
            self.server.requests.append((self.path, self.command, dict(self.headers.items())))
            if len(self.server.requests) > OPENING_REQUESTS and self.server.later:
                self.server.later = self.server.later()
        try:
            version, content = self.find_object()
            answer = Answer(content, self.headers['Range'])
            answer.put('ETag', f'"{hashlib.md5(content).hexdigest()}"')
            if self.server.versioned:
                answer.headers.append(('x-amz-version-id', version))
        except Refused as refused:
            answer = Answer(b'', None)
            body = f'<Error><Code>{refused.code}</Code>{refused.more}</Error>'
            answer.replace(refused.status, body.encode(), **refused.headers)
        return answer, None


class S3Handler(S3Asked, Handler):
    def do_GET(self):
        answer, _ = self.find()
        with contextlib.suppress(OSError):
            self.send_head(answer)
            self.connection.sendall(answer.body)

    do_HEAD = do_GET


class S3Server(Server):
    url = property(Server.base)

    def __init__(self, objects, tls=None):
        super().__init__(b'', tls)
        self.RequestHandlerClass = S3Handler
        self.objects = {key: {'v1/=': content} for key, content in objects.items()}
        self.keys, self.region = {KEY_ID: (SECRET, None)}, 'us-east-1'
        self.public = self.payer = self.versioned = False
        self.elsewhere = self.later = None  # later(): once, behind opening
        self.may_read_versions, self.skew, self.busy, self.moved = True, 0, 0, False


def serving_s3(objects, tls=None):
    return running(S3Server(objects, tls))
