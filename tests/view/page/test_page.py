# SPDX-License-Identifier: BSD-2-Clause
"""The image on the page of `ozxfs view`, in Chromium: are its pixels the image's, and does what can
be pressed, dragged and typed do what it says?"""
import base64
import io
import re

import pytest

import scene

numpy = pytest.importorskip('numpy')
Image = pytest.importorskip('PIL.Image')
TILE = re.compile(r'/tile/(\d+)/(\d+)/(\d+)/(\d+)/(\d+)/(\d+)\.png(?:\?(.*))?$')


def asked(page, since=0):
    """Level, z, t and query of the tiles that were asked for."""
    found = map(TILE.search, page.requests[since:])
    return {tuple(tile.group(2, 3, 4, 7)) for tile in found if tile}


def canvas(page):
    """What is on the canvas, without what lies over it."""
    data = page.run('document.getElementById("canvas").toDataURL()').split(',')[1]
    return numpy.array(Image.open(io.BytesIO(base64.b64decode(data))).convert('RGBA'))


def corner(view, size):
    """Where an image begins whose middle is that of the canvas, as the page rounds."""
    return [int(numpy.floor((outer - inner) / 2 + 0.5)) for outer, inner in zip(view, size)]


def expect(page, expected, shift=(0, 0)):
    """The canvas shows this in its middle, one to one; nothing beside it."""
    page.drawn()
    got = canvas(page)
    top, left = (a + b for a, b in zip(corner(got.shape, expected.shape), shift))
    whole = numpy.zeros(got.shape, 'uint8')
    rows, columns = slice(max(0, top), top + len(expected)), slice(
        max(0, left), left + expected.shape[1])
    part = expected[max(0, -top):, max(0, -left):][:len(whole) - rows.start,
                                                   :whole.shape[1] - columns.start]
    whole[rows, columns, :3] = part
    whole[rows, columns, 3] = 255
    assert numpy.array_equal(got[..., 3], whole[..., 3])
    scene.check_same(got, whole)


@pytest.fixture(scope='module')
def cells():
    return scene.cells()


@pytest.fixture
def page(opened):
    """The cells, one to one."""
    page = opened('cells')
    page.drawn()
    page.key('0')
    page.drawn()
    return page


def test_pixels_are_those_of_the_image(page, cells):
    expect(page, scene.shown(cells, z=2))
    query = 'c=0:4040FF:500:5500,1:00FF40:500:2500'
    assert asked(page) == {('1', '2', '0', query), ('0', '2', '0', query)}


def test_levels_follow_the_zoom(page, cells):
    since = len(page.requests)
    for _ in range(2):
        page.click('#zoom-out')
    expect(page, scene.shown(cells, level=1, z=2))
    page.click('#zoom-out')
    page.click('#zoom-out')
    expect(page, scene.shown(cells, level=2, z=2))
    assert {tile[0] for tile in asked(page, since)} == {'1', '2'} - {'1'}  # level 1 was there
    page.key('f')
    page.drawn()
    left, *_, right = numpy.flatnonzero(canvas(page)[..., 3].any(0))
    assert (left, right) == (0, canvas(page).shape[1] - 1)


def test_moved_by_mouse_and_keys(page, cells):
    x, y = page.middle('#canvas')
    page.drag((x, y), (x + 40, y - 30))
    expect(page, scene.shown(cells, z=2), (-30, 40))
    width = canvas(page).shape[1]
    page.key('ArrowLeft')
    page.drawn()
    assert canvas(page)[0, :].shape[0] == width
    page.key('f')
    page.key('0')
    expect(page, scene.shown(cells, z=2))


def test_zoom_by_wheel_and_double_click_stays_at_the_pointer(page):
    x, y, width, height = page.box('#canvas')
    point = x + width // 4, y + height // 2
    position = lambda: page.text('#position').partition(' · ')[0]  # noqa: E731
    page.mouse('mouseMoved', *point)
    before = page.until_true(position)
    assert re.fullmatch(r'x \d+, y \d+ · [\d.]+, [\d.]+ µm', page.text('#position'))
    page.mouse('mouseWheel', *point, deltaX=0, deltaY=-400)
    page.until('document.getElementById("scale-text").textContent !== "20 µm"')
    bar = page.text('#scale-text')
    page.mouse('mouseMoved', *point)
    assert position() == before
    page.mouse('mousePressed', *point, button='left', clickCount=2)
    page.mouse('mouseReleased', *point, button='left', clickCount=2)
    page.until('document.getElementById("scale-text").textContent !== "%s"' % bar)
    page.mouse('mouseMoved', *point)
    assert position() == before


def test_scale_bar_is_as_long_as_it_says(page):
    assert page.text('#scale-text') == '20 µm'
    assert page.box('#scale-line')[2] == pytest.approx(20 / 0.25)
    page.key('+')
    page.key('+')
    page.drawn()
    assert (page.text('#scale-text'), page.box('#scale-line')[2]) == ('10 µm', pytest.approx(80))


def test_planes_by_slider_number_and_keys(page, cells):
    def last():
        page.drawn()
        return page.requests[-1].split('/')[-5:-2]

    page.run('document.getElementById("plane-z").focus()')
    page.key('ArrowRight')
    expect(page, scene.shown(cells, z=3))
    assert page.run('document.getElementById("number-z").value') == '3'
    page.key('.')
    expect(page, scene.shown(cells, z=4))
    page.key('.')  # there is none
    page.key(']')
    expect(page, scene.shown(cells, z=4, t=1))
    page.run('(() => { const n = document.getElementById("number-z"); n.value = "99"; '
             'n.onchange(); n.value = "1"; n.onchange(); })()')
    expect(page, scene.shown(cells, z=1, t=1))
    assert page.run('document.getElementById("plane-z").value') == '1'
    assert 'of 5 · 1.5 µm' in page.text('#planes')


def test_channels_off_and_coloured(page, cells):
    page.click('#channel-0')
    expect(page, scene.shown(cells, z=2, channels=[(1, '00FF40', 500, 2500)]))
    page.run('(() => { const c = document.querySelectorAll("[type=color]")[1]; '
             'c.value = "#ff8000"; c.oninput(); })()')
    expect(page, scene.shown(cells, z=2, channels=[(1, 'FF8000', 500, 2500)]))
    since = len(page.requests)
    page.key('2')
    page.until('!document.getElementById("channel-1").checked')
    expect(page, scene.shown(cells, z=2, channels=[]))
    assert not asked(page, since)  # black needs no server


def test_window_by_handle_number_and_histogram(page, server, cells):
    number = 'document.querySelectorAll(".channel input[type=number]")[%d]'
    said = server.json('image/%d.json' % server.node('cells'))['channels'][0]
    low, high = said['min'], said['max']
    x, y, width, _ = page.box('.channel canvas')
    start = x + (500 - low) / (high - low) * width
    page.drag((start, y + 20), (x + width / 2, y + 20))
    value = int(page.run(number % 0 + '.value'))
    assert abs(value - (low + high) / 2) <= (high - low) / width
    page.run('(() => { const n = %s; n.value = "3000"; n.onchange(); })()' % (number % 0))
    page.run('(() => { const n = %s; n.value = "2000"; n.onchange(); })()' % (number % 1))
    assert page.run(number % 0 + '.value') == '1999'  # gives way
    expect(page, scene.shown(cells, z=2, channels=[(0, '4040FF', 1999, 2000),
                                                   (1, '00FF40', 500, 2500)]))
    page.click('.channel button')
    got = [int(page.run(number % n + '.value')) for n in (0, 1)]
    values = numpy.sort(cells.levels[-1][0, 0, 2].ravel())
    for value, share in zip(got, (0.001, 0.999)):
        expected = int(values[int((values.size - 1) * share)])
        assert abs(value - expected) <= (high - low) / 256 + 1


def test_labels_over_the_image(page, cells):
    page.run('(() => { const s = document.getElementById("labels"); s.selectedIndex = 1; '
             's.dispatchEvent(new Event("change")); })()')
    expect(page, scene.shown(cells, z=2, labels='nuclei'))
    page.key('1')
    page.key('2')
    page.until('!document.getElementById("channel-1").checked')
    expect(page, scene.shown(cells, z=2, channels=[], labels='nuclei'))
    page.key('1')
    page.key('2')
    page.run('(() => { const s = document.getElementById("labels"); s.selectedIndex = 0; '
             's.dispatchEvent(new Event("change")); })()')
    expect(page, scene.shown(cells, z=2))


def test_label_image_by_itself(opened, cells):
    page = opened('cells/labels/nuclei')
    page.drawn()
    page.key('0')
    expect(page, scene.render_labels(cells.labels['nuclei'][0][0, 0, 0]))
    assert page.run('document.getElementById("channel-panel").hidden')


def test_tiles_that_are_not_seen_any_more_are_cancelled(page):
    since = len(page.requests)
    with page.intercepted('*/tile/*'):
        page.key('.')
        page.until_true(lambda: asked(page, since))
        page.key('.')
        page.until_true(lambda: len({tile[1] for tile in asked(page, since)}) == 2)
        page.until_true(lambda: [url for url in page.cancelled if '/0/3/0/' in url])
        assert not [url for url in page.cancelled if '/0/4/0/' in url]
    page.drawn()


def test_pinch(page):
    x, y = page.middle('#canvas')
    for kind, apart in (('touchStart', 20), ('touchMove', 30), ('touchMove', 40)):
        page.call('Input.dispatchTouchEvent', type=kind, touchPoints=[
            {'x': x - apart, 'y': y, 'id': 1}, {'x': x + apart, 'y': y, 'id': 2}])
    page.call('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
    page.drawn()
    page.until('document.getElementById("scale-text").textContent === "10 µm"')
    assert page.box('#scale-line')[2] == pytest.approx(80)  # twice as large
