# SPDX-License-Identifier: BSD-2-Clause
"""What the servers of these tests have in common: threads, and an address on this machine."""
import contextlib
import http.server
import threading


class LoopbackServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_port}'

    def handle_error(self, *_arguments):
        pass


@contextlib.contextmanager
def running(server):
    """Serves until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
