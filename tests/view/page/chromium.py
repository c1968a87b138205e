# SPDX-License-Identifier: BSD-2-Clause
"""Headless Chromium, driven by its DevTools protocol over a pipe: JSON messages, each ended by
a NUL. All that a page asks, logs and violates is kept, for tests to look at."""
import base64
import contextlib
import fcntl
import io
import itertools
import json
import os
import queue
import shutil
import subprocess
import threading
import time

PROGRAMS = ('chromium', 'chromium-headless-shell', 'chromium-browser', 'google-chrome')
FLAGS = [
    '--headless', '--disable-gpu', '--no-first-run', '--no-default-browser-check', '--disable-sync',
    '--disable-extensions', '--disable-background-networking', '--disable-component-update',
    '--disable-default-apps', '--disable-dev-shm-usage', '--mute-audio', '--hide-scrollbars',
    '--force-color-profile=srgb', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
    '--remote-debugging-pipe'
]
KEYS = {  # key: its code and the number that it had on old keyboards
    'ArrowLeft': 37, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40, 'Home': 36, 'End': 35,
    'Enter': 13, 'Tab': 9
}
PATIENCE_S = 20


def program():
    return next((name for name in PROGRAMS if shutil.which(name)), None)


class Browser:
    """One process for all tests; each test has a page of its own."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        pipes = [[fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe()] for _ in 'rw']
        (its_in, self.out), (into, its_out) = pipes
        root = ['--no-sandbox'] if os.getuid() == 0 else []
        command = [program(), *FLAGS, *root, '--user-data-dir=%s' % folder, 'about:blank']
        self.log = open(os.path.join(folder, 'log'), 'wb')
        self.process = subprocess.Popen(
            ['bash', '-c', 'exec "$@" 3<&%d 4>&%d' % (its_in, its_out), 'bash', *command],
            pass_fds=(its_in, its_out), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, 'HOME': str(folder), 'DBUS_SESSION_BUS_ADDRESS': 'disabled:'})
        os.close(its_in)
        os.close(its_out)
        self.into = into
        self.numbers = itertools.count(1)
        self.answers = {}
        self.pages = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with open(self.into, 'rb') as stream:
            rest = b''
            while chunk := stream.read1(1 << 16):
                *whole, rest = (rest + chunk).split(b'\0')
                for message in map(json.loads, whole):
                    if 'id' in message:
                        self.answers.pop(message['id']).put(message)
                    elif message.get('sessionId') in self.pages:
                        self.pages[message['sessionId']].happened(message)
        for answer in self.answers.values():
            answer.put({'error': 'Chromium has ended'})

    def call(self, method, session=None, **parameters):
        number = next(self.numbers)
        self.answers[number] = answer = queue.Queue()
        message = {'id': number, 'method': method, 'params': parameters}
        os.write(self.out, json.dumps({**message, **({'sessionId': session} if session else {})})
                 .encode() + b'\0')
        got = answer.get(timeout=PATIENCE_S)
        assert 'error' not in got, (method, got)
        return got['result']

    def page(self, width=1000, height=700, **emulated):
        return Page(self, width, height, emulated)

    def end(self):
        try:
            with contextlib.suppress(AssertionError, OSError, queue.Empty):  # it may end unheard
                self.call('Browser.close')
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.out)
            self.log.close()


class Page:

    def __init__(self, browser, width, height, emulated):
        self.browser = browser
        self.requests, self.complaints, self.cancelled = [], [], []
        self.names = {}
        self.target = browser.call('Target.createTarget', url='about:blank')['targetId']
        self.session = browser.call('Target.attachToTarget', targetId=self.target,
                                    flatten=True)['sessionId']
        browser.pages[self.session] = self
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'Audits'):
            self.call(domain + '.enable')
        self.call('Target.setAutoAttach', autoAttach=True, waitForDebuggerOnStart=True,
                  flatten=True)
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=False, **emulated)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def happened(self, message):
        """An event; what a page should not do is a complaint."""
        method, said = message['method'], message['params']
        if method == 'Network.requestWillBeSent':
            self.requests.append(said['request']['url'])
            self.names[said['requestId']] = said['request']['url']
        elif method == 'Network.loadingFailed' and said.get('canceled'):
            self.cancelled.append(self.names.get(said['requestId']))
        elif method == 'Target.attachedToTarget':  # a worker
            self.browser.pages[said['sessionId']] = self
            threading.Thread(target=self._begin, args=(said['sessionId'],), daemon=True).start()
        elif method == 'Runtime.exceptionThrown':
            self.complaints.append(said['exceptionDetails'])
        elif method == 'Runtime.consoleAPICalled' and said['type'] in ('error', 'warning'):
            self.complaints.append(said['args'])
        elif method == 'Log.entryAdded' and said['entry']['level'] in ('error', 'warning'):
            # of an answer that is no success the browser itself writes a line
            if said['entry']['source'] != 'network':
                self.complaints.append(said['entry'])
        elif method == 'Audits.issueAdded' and 'Policy' in said['issue']['code']:
            self.complaints.append(said['issue'])
        elif method == 'Page.javascriptDialogOpening':
            self.complaints.append(said)

    def go(self, url):
        self.call('Page.navigate', url=url)

    def _begin(self, worker):
        """It waits until it is heard from its first request on."""
        with contextlib.suppress(AssertionError, OSError, queue.Empty):  # the page was closed
            for method in ('Network.enable', 'Runtime.enable', 'Runtime.runIfWaitingForDebugger'):
                self.browser.call(method, worker)

    def run(self, expression):
        """The value of an expression of JavaScript; a promise is waited for."""
        got = self.call('Runtime.evaluate', expression=expression, returnByValue=True,
                        awaitPromise=True)
        assert 'exceptionDetails' not in got, got
        return got['result'].get('value')

    def until(self, expression):
        """Waits until it is true, and returns what it is."""
        return self.until_true(lambda: self.run(expression), expression)

    def until_true(self, condition, what=''):
        end = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < end, (what, self.complaints,
                                            self.run('document.body.innerText'))
            time.sleep(0.01)
        return value

    def drawn(self):
        """Waits until the stage has all its tiles."""
        self.until('''(async () => {
            for (let frame = 0; frame < 2; frame++)
                await new Promise(requestAnimationFrame);
            const stage = document.getElementById("stage");
            return !stage.hidden && stage.ariaBusy === "false";
        })()''')

    @contextlib.contextmanager
    def intercepted(self, *patterns):
        """Requests of these patterns wait until the test has answered them: the list of them."""
        held = []

        def happened(message):
            if message['method'] == 'Fetch.requestPaused':
                held.append(message['params'])
            usual(message)

        usual, self.happened = self.happened, happened
        self.call('Fetch.enable', patterns=[{'urlPattern': pattern} for pattern in patterns])
        yield held
        self.call('Fetch.disable')
        self.happened = usual

    def answer_held(self, request, status, body=b''):
        self.call('Fetch.fulfillRequest', requestId=request['requestId'], responseCode=status,
                  body=base64.b64encode(body).decode())

    def text(self, selector):
        return self.run('document.querySelector(%s).innerText' % json.dumps(selector))

    def box(self, selector):
        """x, y, width, height of an element, on the screen."""
        return self.run('(() => { const e = document.querySelector(%s); e.scrollIntoView({block: '
                        '"nearest"}); const b = e.getBoundingClientRect(); return [b.x, b.y, '
                        'b.width, b.height]; })()' % json.dumps(selector))

    def middle(self, selector):
        x, y, width, height = self.box(selector)
        return x + width / 2, y + height / 2

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def click(self, selector, count=1):
        x, y = self.middle(selector)
        for number in range(1, count + 1):
            for kind in ('mousePressed', 'mouseReleased'):
                self.mouse(kind, x, y, button='left', clickCount=number)

    def drag(self, start, end):
        self.mouse('mousePressed', *start, button='left', buttons=1, clickCount=1)
        for share in (0.5, 1):
            self.mouse('mouseMoved', *(a + (b - a) * share for a, b in zip(start, end)),
                       button='left', buttons=1)
        self.mouse('mouseReleased', *end, button='left', clickCount=1)

    def key(self, key):
        more = {'windowsVirtualKeyCode': KEYS[key]} if key in KEYS else {'text': key}
        self.call('Input.dispatchKeyEvent', type='keyDown', key=key, **more)
        self.call('Input.dispatchKeyEvent', type='keyUp', key=key)

    def screenshot(self):
        return base64.b64decode(self.call('Page.captureScreenshot')['data'])

    def pixels(self, selector=None):
        """The screen, or what an element covers of it, as rows of RGB."""
        import numpy
        from PIL import Image
        screen = numpy.array(Image.open(io.BytesIO(self.screenshot())).convert('RGB'))
        if selector is None:
            return screen
        x, y, width, height = map(round, self.box(selector))
        return screen[y:y + height, x:x + width]

    def close(self):
        self.browser.call('Target.closeTarget', targetId=self.target)
