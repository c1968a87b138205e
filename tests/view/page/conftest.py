# SPDX-License-Identifier: BSD-2-Clause
"""One browser and one server for all tests of the page."""
import json

import pytest

import chromium

pytest.importorskip('numpy')
pytest.importorskip('PIL')


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    if not chromium.program():
        pytest.skip('no Chromium (Debian: chromium-headless-shell)')
    browser = chromium.Browser(tmp_path_factory.mktemp('chromium'))
    yield browser
    browser.end()


@pytest.fixture(scope='session')
def server():
    from fake_server import Server
    server = Server()
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
        page.until("!!document.querySelector(\"[role=treeitem]\")")
        return page

    yield open_at
    for page in pages:
        elsewhere = [url for url in page.requests
                     if not url.startswith((server.url, 'about:', 'blob:' + server.url[:17]))]
        page.close()
        assert not elsewhere, elsewhere
        assert not page.complaints, json.dumps(page.complaints, indent=1)[:3000]
