# SPDX-License-Identifier: BSD-2-Clause
"""What is around the image on the page of `ozxfs view`: tree, plate, panels, refusals, hostile
names."""
import json
import urllib.parse

import pytest

import scene
from image.rendering import render as thumbnail


def focused(page):
    return page.run('document.activeElement.querySelector(":scope > .row > .name")?.innerText ?? '
                    'document.activeElement.title')


def test_plate_is_a_grid_and_a_click_opens_the_field(opened):
    page = opened('plate')
    page.until('document.images.length === 4 && [...document.images].every((i) => i.complete)')
    assert page.run('[...document.querySelectorAll("#grid th")].map((e) => e.innerText)') == [
        '1', '2', '3', '4', 'A', 'B', 'C']
    page.click('[title=B2]')
    page.drawn()
    assert page.text('#well-name') == 'Well B2'
    page.run('(() => { const f = document.getElementById("field"); f.selectedIndex = 1; '
             'f.onchange(); })()')
    page.until('document.querySelector("[aria-selected=true] .name").innerText === "1"')
    page.drawn()
    page.key('0')
    page.drawn()
    got = page.pixels('#canvas')
    expected = scene.shown(scene.images()['plate/B/2/1'])
    top, left = ((a - b + 1) // 2 for a, b in zip(got.shape[:2], expected.shape))
    scene.check_same(got[top:top + 120, left:left + 160], expected)
    page.click('#to-plate')
    page.until('!document.getElementById("grid").hidden')


def test_plate_looks_as_it_should(opened):
    page = opened('plate')
    page.until('document.images.length === 4 && [...document.images].every((i) => i.complete)')
    images = scene.images()
    for row, column in scene.WELLS:
        got = page.pixels('[title=%s%d] img' % (row, column))
        picture = images['plate/%s/%d/0' % (row, column)]
        expected = thumbnail(list(picture.levels[0][0, :, 0]), 96,
                             list(map(scene.omero, picture.channels)))
        assert (got.shape, expected.shape) == ((96, 96, 3), (72, 96, 3))
        scene.check_same(got[12:84], expected)


def test_plate_by_keys(opened):
    page = opened('plate')
    page.until('document.images.length === 4')
    page.run('document.querySelector("#grid .cell").focus()')
    seen = [focused(page)]
    for key in ('ArrowRight', 'ArrowRight', 'ArrowLeft'):
        page.key(key)
        seen.append(focused(page))
    assert seen == ['A1', 'A3', 'A3', 'A1']


def test_tree_by_keys(opened):
    page = opened('cells')
    page.drawn()
    page.run('document.querySelector("[aria-selected=true]").focus()')
    seen = []
    for key in ('ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight',
                'ArrowDown', 'ArrowLeft', 'ArrowUp', 'Home', 'End'):
        page.key(key)
        seen.append(focused(page))
    assert seen == ['cells', '0', '1', '2', 'labels', 'labels', 'nuclei', 'labels', '2',
                    scene.NAME + '.ozx', 'plate']
    page.key('Home')
    page.key('ArrowDown')
    page.key('Enter')
    page.until('document.querySelector("[aria-selected=true] .name").innerText.startsWith("<img")')
    assert page.run('document.querySelectorAll("[role=treeitem][tabindex=\\"0\\"]").length') == 1


def test_collection_is_a_gallery(opened):
    page = opened()
    page.until('document.images.length >= 3')
    assert page.run('[...document.querySelectorAll("figcaption")].map((e) => e.innerText)') == [
        scene.NAME, 'cells', 'damaged', 'odd', 'plate']
    page.click('[title=cells]')
    page.drawn()
    page.run('history.back()')
    page.until('!document.getElementById("grid").hidden')


def test_hostile_names_are_text(opened):
    """What is run, styled or asked elsewhere is found by the fixture."""
    page = opened(scene.NAME)
    page.drawn()
    assert page.run('document.images.length + document.querySelectorAll("body script, body style")'
                    '.length') == 0
    text = scene.TEXT.replace('\u202e', r'\xE2\x80\xAE')  # it would turn round what comes after it
    assert page.run('document.querySelector(".channel label").textContent') == text
    assert scene.NAME in page.run('document.getElementById("labels").textContent')
    page.until('document.getElementById("findings").textContent.includes("<img src=x")')
    page.until('document.getElementById("metadata").textContent.includes("alert(2)")')
    assert scene.NAME in page.run('document.title')
    page.until('document.querySelectorAll("#links a").length === 4')
    raw = urllib.parse.unquote(page.run('document.querySelectorAll("#links a")[1].href'))
    assert urllib.parse.unquote(raw).endswith('/zarr/' + scene.NAME)


def test_metadata_is_shown_as_it_is_stored(opened, server):
    page = opened('cells')
    page.drawn()
    metadata = page.until('document.getElementById("metadata").textContent')
    stored = server.json('zarr/cells/zarr.json')
    assert json.loads(metadata) == stored and stored['attributes']['note'] == scene.TEXT
    assert metadata == json.dumps(stored, indent=2, ensure_ascii=False).replace(
        '\u202e', r'\u202e')
    odd = '{"path": "}", "metadata": {"fill": 18446744073709551615, "none": {}, "s": "{\\\\\\"a"}}'
    shown = page.run('import("./panels.js").then((m) => m.metadataText(`%s`))' % odd)
    assert shown == ('{\n  "fill": 18446744073709551615,\n  "none": {},\n  "s": "{\\"a"\n}')


def test_lengths(opened):
    page = opened('cells')
    call = 'import("./units.js").then((m) => [%s])'
    assert page.run(call % 'm.lengthText(12.3456, "micrometer"), m.lengthText(0.5, "millimeter"), '
                    'm.lengthText(1234, "nanometer"), m.lengthText(3, "foot"), '
                    'm.lengthText(7, ""), m.figure(123456), m.figure(0)') == [
        '12.3 µm', '500 µm', '1.23 µm', '3 ft', '7', '123456', '0']
    assert page.run(call % 'm.unitOfPixels(0.1, "micrometer").name, '
                    'm.unitOfPixels(1e-7, "meter").name, '
                    'm.unitOfPixels(4, "nanometer").name') == ['µm', 'µm', 'nm']
    assert page.run(call % 'm.roundBelow(99), m.roundBelow(100), m.roundBelow(0.0234)') == [
        50, 100, 0.02]


def test_links_name_the_raw_tree(opened, server):
    page = opened('cells')
    page.drawn()
    links = page.run('[...document.querySelectorAll("#links a")].map((a) => [a.innerText || '
                     'a.textContent, a.href, a.rel, a.target])')
    raw = server.url + 'zarr/cells'
    for (name, href, rel, target), host in zip(links, (
            'neuroglancer-demo.appspot.com', 'hms-dbmi.github.io', 'ome.github.io')):
        assert host in href and raw in urllib.parse.unquote(href), name
        assert (rel, target) == ('noreferrer noopener', '_blank')
    assert links[3][1] == server.url + 'archive.ozx'


def test_refusals_are_shown_in_place_and_retried(opened):
    page = opened('damaged')
    page.until('!document.getElementById("problem").hidden')
    assert scene.DAMAGED in page.text('#problem-text')
    page.drawn()
    since = len(page.requests)
    page.click('#retry')
    page.until_true(lambda: len(page.requests) > since)
    page = opened('odd')
    page.until('!document.getElementById("message").hidden')
    assert '<b>unknown</b>' in page.text('#message-text')


def test_a_busy_server_is_asked_again(opened, server):
    page = opened()
    with page.intercepted('*/tile/*') as held:
        page.run('location.hash = %d' % server.node('cells'))
        page.until_true(lambda: held)
        for request in held[:]:
            page.answer_held(request, 503)
    page.drawn()
    assert page.run('document.getElementById("problem").hidden')


def test_an_image_of_which_little_is_known(opened, server):
    page = opened()
    said = server.json('image/%d.json' % server.node('cells'))
    for channel in said['channels']:
        channel.update(histogram=[], label='')
    said.update(pixel_size=None, unit='', labels=[])
    with page.intercepted('*/image/*') as held:
        page.run('location.hash = %d' % server.node('cells'))
        page.until_true(lambda: held)
        page.answer_held(held[0], 200, json.dumps(said).encode())
    page.drawn()
    assert page.text('#scale-text') == '200 px'
    assert page.text('#facts').split('\n')[:4] == ['Size', '700 × 500 × 5', 'Type', 'uint16']
    assert page.text('.channel label') == 'Channel 0'
    page.click('.channel button')  # without a histogram there is nothing to find
    assert page.run('document.querySelector(".channel input[type=number]").value') == '500'


def test_a_large_image_without_small_levels(opened, server):
    page = opened()
    said = server.json('image/%d.json' % server.node('cells'))
    said['levels'] = [{**said['levels'][0], 'width': 100000, 'height': 90000}]
    with page.intercepted('*/image/*', '*/tile/*') as held:
        page.run('location.hash = %d' % server.node('cells'))
        page.until_true(lambda: held)
        page.answer_held(held[0], 200, json.dumps(said).encode())
        page.until('document.getElementById("problem-text").textContent.includes("Zoom in")')
        assert page.run('document.getElementById("retry").hidden')
        page.key('0')
        page.until('document.getElementById("problem").hidden')
    page.go('about:blank')


def test_light_and_dark(opened):
    page = opened('plate')
    background = lambda: page.run('getComputedStyle(document.body).backgroundColor')  # noqa: E731
    light = background()
    page.call('Emulation.setEmulatedMedia', features=[
        {'name': 'prefers-color-scheme', 'value': 'dark'}])
    dark = background()
    assert light != dark
    page.click('#theme')
    assert (page.text('#theme'), background()) == ('Theme: light', light)
    page.click('#theme')
    page.call('Emulation.setEmulatedMedia', features=[])
    assert (page.text('#theme'), background()) == ('Theme: dark', dark)
    page.run('localStorage.clear()')


def test_inputs_have_names_and_focus_is_seen(opened):
    page = opened('cells')
    page.drawn()
    tree = page.call('Accessibility.getFullAXTree')['nodes']
    controls = {'button', 'checkbox', 'slider', 'spinbutton', 'combobox', 'ColorWell', 'treeitem'}
    found = [node for node in tree if node.get('role', {}).get('value') in controls]
    assert len(found) > 15
    assert [node for node in found if not node.get('name', {}).get('value')] == []
    page.key('Tab')
    assert page.run('getComputedStyle(document.activeElement).outlineStyle') == 'solid'


def test_small_screen(opened):
    page = opened('cells', width=380, height=640)
    page.drawn()
    assert page.run('document.getElementById("nodes").hidden && '
                    'document.getElementById("panels").hidden')
    assert page.box('#canvas')[2] == 380
    page.click('#show-panels')
    page.click('#show-nodes')
    assert page.run('document.getElementById("panels").hidden')
    assert page.run('document.documentElement.scrollWidth') == 380


def test_the_server_hears_that_the_page_is_open(opened):
    page = opened('plate')
    page.until_true(lambda: any(url.endswith('/alive') for url in page.requests))
