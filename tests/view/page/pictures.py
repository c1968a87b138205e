# SPDX-License-Identifier: BSD-2-Clause
"""The screenshots of README, made by `ozxfs view`: view.png of the quick start's image, plate.png
of a plate whose wells are cuts of ihc.png of scikit-image. Wants Chromium, and what tests/run
installs:

    PYTHONPATH=tests build-tests/venv/bin/python tests/view/page/pictures.py OZXFS data/pictures
"""
import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import skimage
import zarr
from PIL import Image
from skimage.io import imread

import chromium

TESTS = Path(__file__).resolve().parents[2]
ROWS, COLUMNS = 'ABCD', range(1, 7)
SIDE = 128


def write_plate(folder):
    picture = imread(Path(skimage.__file__).parent / 'data' / 'ihc.png')
    wells = [(row, column) for row in ROWS for column in COLUMNS]
    ome = {'version': '0.5'}
    zarr.create_group(folder, attributes={'ome': {**ome, 'plate': {
        'rows': [{'name': row} for row in ROWS],
        'columns': [{'name': str(column)} for column in COLUMNS],
        'wells': [{'path': '%s/%d' % (row, column), 'rowIndex': ROWS.index(row),
                   'columnIndex': column - 1} for row, column in wells if row + str(column) != 'D6']
    }}})
    for number, (row, column) in enumerate(wells):
        well = '%s/%d' % (row, column)
        y, x = number // 6 * 128, number % 6 * 76
        cut = numpy.moveaxis(picture[y:y + SIDE, x:x + SIDE], 2, 0)
        zarr.create_group(folder / row, attributes={}, overwrite=False) if column == 1 else None
        zarr.create_group(folder / well, attributes={'ome': {**ome, 'well': {
            'images': [{'path': '0'}]}}})
        zarr.create_group(folder / well / '0', attributes={'ome': {**ome, 'multiscales': [{
            'axes': [{'name': 'c', 'type': 'channel'}, *(
                {'name': n, 'type': 'space', 'unit': 'micrometer'} for n in 'yx')],
            'datasets': [{'path': '0', 'coordinateTransformations': [
                {'type': 'scale', 'scale': [1.0, 0.5, 0.5]}]}]}]}})
        zarr.create_array(folder / well / '0', name='0', data=cut)


@contextlib.contextmanager
def viewed(ozxfs, browser, archive, **more):
    command = [ozxfs, 'view', '--no-open', archive]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            page = browser.page(**more)
            page.go(process.stdout.readline().strip())
            page.until('/warning|error|none/.test('
                       'document.getElementById("findings-summary")?.textContent)')
            yield page
        finally:
            process.terminate()


def save(page, path):
    """256 colours are enough, and a quarter of the bytes."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert('RGB')
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def view(ozxfs, browser, archive, out):
    with viewed(ozxfs, browser, archive, width=1000, height=640) as page:
        page.drawn()
        x, y = page.middle('#canvas')
        page.mouse('mouseMoved', x + 90, y + 60)
        page.until('document.getElementById("position").textContent')
        save(page, out)


def view_plate(ozxfs, browser, archive, out):
    with viewed(ozxfs, browser, archive, width=1000, height=420) as page:
        page.call('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': 'dark'}])
        page.until('document.images.length === 23 && '
                   '[...document.images].every((i) => i.complete)')
        save(page, out)


def main(ozxfs, out):
    out = Path(out)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        make = [sys.executable, TESTS / 'quick/make_picture.py', folder / 'cell']
        subprocess.run(make, check=True)
        write_plate(folder / 'plate')
        for name in ('cell', 'plate'):
            subprocess.run([ozxfs, 'pack', folder / name, folder / (name + '.ozx')], check=True)
        browser = chromium.Browser(folder / 'chromium')
        try:
            view(ozxfs, browser, folder / 'cell.ozx', out / 'view.png')
            view_plate(ozxfs, browser, folder / 'plate.ozx', out / 'plate.png')
        finally:
            browser.end()


if __name__ == '__main__':
    main(*sys.argv[1:])
