# SPDX-License-Identifier: BSD-2-Clause
"""One browser and one `ozxfs view` for all tests of the page."""
import json
import os
import subprocess
import urllib.request

import pytest

import chromium
from kit.info import pack_directory
from kit.launch import OZXFS


class Server:
    """`ozxfs view` of the scene."""

    def __init__(self, folder):
        import scene
        scene.write(folder / 's')
        archive = pack_directory(folder / 's', folder / (scene.NAME + '.ozx'))
        self.process = subprocess.Popen([OZXFS, 'view', '--no-open', archive], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.url = self.process.stdout.readline().strip()
        self.numbers = {node['path']: node['id'] for node in self.json('tree.json')['nodes']}

    def json(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def node(self, path):
        return self.numbers[path]

    def end(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    if not chromium.program():
        pytest.skip('no Chromium (Debian: chromium-headless-shell)')
    browser = chromium.Browser(tmp_path_factory.mktemp('chromium'))
    yield browser
    browser.end()


@pytest.fixture(scope='session')
def server(tmp_path_factory):
    for module in ('numpy', 'PIL', 'zarr'):
        pytest.importorskip(module)
    if os.environ.get('OZXFS_HAVE_VIEW', '1') != '1':
        pytest.skip('built without libmicrohttpd or libpng')
    server = Server(tmp_path_factory.mktemp('view'))
    yield server
    server.end()


@pytest.fixture
def opened(browser, server):
    """opened('cells') -> the page at that node. Nothing is asked of others, nor logged."""
    pages = []

    def open_at(path='', **more):
        page = browser.page(**more)
        pages.append(page)
        page.go('%s#%d' % (server.url, server.node(path)))
        page.until("!!document.querySelector('[role=treeitem]')")
        return page

    yield open_at
    for page in pages:
        elsewhere = [
            url for url in page.requests if not url.startswith((server.url, 'about:', 'blob:'))
        ]
        page.close()
        assert not elsewhere, elsewhere
        assert not page.complaints, json.dumps(page.complaints, indent=1)[:3000]
