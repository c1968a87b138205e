# SPDX-License-Identifier: BSD-2-Clause
"""Machines and a line with a delay, within one: network namespaces, two of them joined by a line of
1 Gbit/s (delay_line.c: kernels may lack netem), and nginx at its other end. For root, with ip(8),
nginx, openssl and a C compiler.
"""
import contextlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVER, CLIENT, PORT, TLS_PORT = '10.93.0.1', '10.93.0.2', 8080, 8443
LINE_MBIT = 1000


@contextlib.contextmanager
def ended(process, number=signal.SIGTERM):
    try:
        yield process
    finally:
        process.send_signal(number)
        process.wait()


class Namespace:
    """A network of its own until `stack` ends; `isolated`: mounts and processes as well, which end
    with it."""

    def __init__(self, stack, isolated=False):
        more = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'] if isolated else []
        holder = subprocess.Popen(
            ['unshare', '--net', *more, 'sh', '-c', 'echo ready; exec sleep infinity'],
            stdout=subprocess.PIPE)
        stack.enter_context(ended(holder, signal.SIGKILL))
        assert holder.stdout.readline() == b'ready\n'
        self.pid = holder.pid
        kinds = {'net': 'net'} | ({'mount': 'mnt', 'pid': 'pid_for_children'} if isolated else {})
        self.enter = ['nsenter', *(f'--{kind}=/proc/{self.pid}/ns/{name}'
                                   for kind, name in kinds.items())]

    def run(self, *command, **options):
        return subprocess.run([*self.enter, *map(str, command)], check=True, capture_output=True,
                              text=True, **options)


class ThisNamespace(Namespace):
    """The one that this process is in."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.pid, self.enter = os.getpid(), []


def compile_program(folder, source, *libraries):
    program = folder / source.stem
    subprocess.run([*shlex.split(os.environ.get('CC', 'cc')), '-O2', '-D_GNU_SOURCE', '-o', program,
                    source, *libraries], check=True)
    return program


@contextlib.contextmanager
def line(folder, server, client, rtt_ms):
    """Between two namespaces, with the addresses SERVER and CLIENT at its ends; the process that is
    the line. While that is stopped, nothing comes through, and nobody is told."""
    command = [compile_program(folder, HERE / 'delay_line.c'), str(server.pid), str(client.pid),
               str(rtt_ms), str(LINE_MBIT)]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE)) as process:
        assert process.stdout.readline() == b'ready\n'
        for space, address in ((server, SERVER), (client, CLIENT)):
            space.run('ip', 'link', 'set', 'lo', 'up')
            space.run('ip', 'address', 'add', f'{address}/24', 'dev', 'line')
            space.run('ip', 'link', 'set', 'line', 'up')
        yield process


@contextlib.contextmanager
def nginx(folder, space, tls=False):
    """Serves folder/www to who comes by the line; the URL of it. The certificate is folder/crt."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-keyout', folder / 'key', '-out',
                    folder / 'crt', '-days', '2', '-subj', '/CN=bench', '-addext',
                    f'subjectAltName=IP:{SERVER}'], check=True, capture_output=True)
    (folder / 'crt').chmod(0o644)
    (folder / 'conf').write_text(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error; user root;
events {{ worker_connections 512; }}
http {{
    log_format ranges '$http_range $body_bytes_sent';
    access_log {folder}/access ranges;
    sendfile on; tcp_nopush on; keepalive_requests 1000000;
    server {{
        listen {SERVER}:{PORT};
        listen {SERVER}:{TLS_PORT} ssl http2;
        ssl_certificate {folder}/crt; ssl_certificate_key {folder}/key;
        root {folder}/www;
    }}
}}
""", encoding='utf-8')
    with ended(subprocess.Popen([*space.enter, 'nginx', '-c', folder / 'conf'],
                                stderr=subprocess.DEVNULL)):
        while not (folder / 'pid').exists():
            time.sleep(0.02)
        yield f'https://{SERVER}:{TLS_PORT}' if tls else f'http://{SERVER}:{PORT}'


def served(folder):
    """What that nginx was asked since the last call: requests, bytes."""
    time.sleep(0.1)
    with open(folder / 'access', 'r+', encoding='utf-8') as file:
        sent = [int(text.split()[-1]) for text in file]
        file.truncate(0)
    return len(sent), sum(sent)
