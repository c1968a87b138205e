# SPDX-License-Identifier: BSD-2-Clause
"""Plates as contact sheets: the first field of each well in its cell, rows and columns named."""
import resource
import shutil
import subprocess

import pytest

from images import image, random, zarr
from kit.info import OZXFS, pack_directory, write
from kit.launch import LONG
from rendering import layout, needs_png, numpy, picture, render, render_sheet, run

pytestmark = [needs_png, pytest.mark.filterwarnings('ignore')]
LETTERS = {  # as they are to look
    'A': """
.###.
#...#
#...#
#####
#...#
#...#
#...#""", 'B': """
####.
#...#
#...#
####.
#...#
#...#
####.""", '1': """
..#..
.##..
..#..
..#..
..#..
..#..
.###.""", '2': """
.###.
#...#
....#
..##.
.#...
#....
#####""", '0': """
.###.
#...#
#..##
#.#.#
##..#
#...#
.###.""", '\u00b5': """
#####
#...#
#...#
#...#
#...#
#...#
#####"""
}


def group(**ome):
    attributes = {'ome': {'version': '0.5', **ome}}
    return {'zarr_format': 3, 'node_type': 'group', 'attributes': attributes}


def plate_of(rows, columns, wells):
    return {
        'rows': [{'name': name} for name in rows], 'columns': [{'name': name} for name in columns],
        'wells': [{'path': rows[r] + '/' + columns[c], 'rowIndex': r, 'columnIndex': c}
                  for r, c in wells]
    }


def plate(tmp_path, rows, columns, wells, listed=(), omero=None):
    """wells: (row, column): levels of the first field. Some that are listed may not be there."""
    folder = tmp_path / 's'
    shutil.rmtree(folder, ignore_errors=True)
    zarr.create_group(folder, attributes=group(
        plate=plate_of(rows, columns, [*wells, *listed]))['attributes'])
    for (row, column), levels in wells.items():
        well = folder / rows[row] / columns[column]
        zarr.create_group(well.parent, overwrite=False) if not well.parent.exists() else None
        zarr.create_group(well, attributes=group(
            well={'images': [{'path': 'first'}, {'path': 'second'}]})['attributes'])
        image(well / 'first', levels, omero=omero)
    return pack_directory(folder, tmp_path / 'x.ozx')


def drawn(text):
    """Where the light of a text is, 7 rows high."""
    letters = [numpy.array([list(row) for row in LETTERS[c].split()]) == '#' for c in text]
    gap = numpy.zeros((7, 1), bool)
    return numpy.hstack([part for letter in letters for part in (gap, letter)][1:])


def without_names(got, rows, columns, size):
    left, top, _ = layout(rows, columns, size)
    got = got.copy()
    got[:top] = got[:, :left] = 0
    return got


def check(archive, expected, rows, columns, size=256, *options):
    got = picture(archive, '-s', str(size), *options)
    assert got.shape == expected.shape
    got = without_names(got, rows, columns, size)
    assert numpy.abs(got - expected).max() <= 1
    assert (got != expected).mean() < 0.01


WELLS = {(0, 0): 1, (0, 2): 2, (1, 1): 3, (1, 2): 1}


def some(factor, *shape):
    return random(*shape) * factor


@pytest.mark.parametrize('size', [256, 90, 33])
def test_each_well_in_its_cell(tmp_path, size):
    """Levels by the size of a cell; one window for all wells; empty cells are grey."""
    wells = {at: [some(f, 2, 80, 60), some(f, 2, 40, 30), some(f, 2, 20, 15)]
             for at, f in WELLS.items()}
    archive = plate(tmp_path, 'AB', '012', wells, listed=[(0, 1)])
    side = layout('AB', '012', size)[2] - 1
    level = 0 if side > 40 else 1 if side > 20 else 2
    expected = render_sheet('AB', '012', {at: list(w[level]) for at, w in wells.items()}, size)
    check(archive, expected, 'AB', '012', size)


def test_channels_and_omero_of_the_first_one(tmp_path):
    omero = [{'color': 'FF8000', 'active': True, 'window': {'start': 20, 'end': 150}},
             {'color': '00FF00', 'active': False}, {'color': '0000FF', 'active': True}]
    wells = {at: [some(f, 3, 30, 30)] for at, f in WELLS.items()}
    wells[1, 1] = [some(1, 2, 30, 30)]  # one channel less
    archive = plate(tmp_path, 'AB', '012', wells, omero=omero)
    planes = {at: list(w[0]) for at, w in wells.items()}
    check(archive, render_sheet('AB', '012', planes, 120, omero), 'AB', '012', 120)
    expected = render_sheet('AB', '012', planes, 120, omero, chosen=[1])
    check(archive, expected, 'AB', '012', 120, '--channels', '1')


def test_more_channels_than_are_kept_at_once(tmp_path):
    wells = {at: [some(f, 3, 30, 30)] for at, f in {(0, 0): 1, (1, 1): 2}.items()}
    archive = plate(tmp_path, 'AB', '01', wells)
    expected = render_sheet('AB', '01', {at: list(w[0]) for at, w in wells.items()}, 1024)
    check(archive, expected, 'AB', '01', 1024)


def test_names_of_rows_and_columns(tmp_path):
    rows, columns = ['A', 'AB'], ['1', '12', '0\u00b5', '20120']
    archive = plate(tmp_path, rows, ['1', '12', '0', '20120'], {(0, 0): [random(1, 9, 9)]})
    node = tmp_path / 's' / 'zarr.json'
    node.write_text(node.read_text().replace('"name": "0"', '"name": "0\u00b5"'))
    archive = pack_directory(tmp_path / 's', tmp_path / 'x.ozx')
    got = picture(archive)
    left, top, step = layout(rows, columns, 256)
    expected = numpy.zeros((top, got.shape[1]), bool)
    for number, name in enumerate(columns):
        name = drawn(name[:4])
        x = left + number * step + (step - 1 - name.shape[1]) // 2
        expected[1:8, x:x + name.shape[1]] = name
    assert (got[:top] == expected[..., None] * 200).all()
    expected = numpy.zeros((got.shape[0], left), bool)
    for number, name in enumerate(rows):
        name = drawn(name)
        y = top + number * step + (step - 1 - 7) // 2
        expected[y:y + 7, left - 2 - name.shape[1]:left - 2] = name
    assert (got[:, :left] == expected[..., None] * 200).all()


def test_more_columns_than_names_have_room(tmp_path):
    """Every second or third is named, or none; or there is no such picture."""
    columns = [str(n).zfill(2) for n in range(22)]
    columns = [c.translate(str.maketrans('3456789', '0120120')) for c in columns]
    archive = plate(tmp_path, 'AB', columns, {(0, 0): [random(1, 9, 9)]})
    got = picture(archive, '-s', '150')
    left, top, step = layout('AB', columns, 150)
    assert step == 6
    for number in range(0, 21, 3):  # 13 pixels of the widest name
        x = left + number * step
        assert (got[1:8, x:x + 11, 0] == drawn(columns[number]) * 200).all()
        assert not got[1:8, x + 11:x + 18].any()  # nor of the last one, cut at the edge
    assert picture(archive, '-s', '44').shape == (2 * 2, 22 * 2, 3)
    done = run('thumbnail', '--force', '-s', '43', archive, tmp_path / 'x.png')
    assert done.returncode == 69 and 'too many rows or columns' in done.stderr, done


def test_a_well_alone(tmp_path):
    archive = plate(tmp_path, 'AB', '012', {(0, 1): [random(1, 30, 40)]})
    expected = render(list(random(1, 30, 40)))
    for path in ('A/1', 'A/1/first', 'A/1/first/0'):
        got = picture(archive, '--path', path)
        assert numpy.abs(got - expected).max() <= 1
    for option, status in (('--labels', 69), ('--z=1', 64), ('--channels=1', 64)):
        assert run('thumbnail', '-f', option, archive, tmp_path / 'x.png').returncode == status


def limited():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


@pytest.mark.parametrize('case', ['nothing', 'itself', 'rows', 'wells', 'damaged', 'outside'])
def test_plates_of_a_stranger(tmp_path, case):
    """One clear line, soon."""
    if case == 'itself' and not LONG:
        pytest.skip('five seconds')
    made = plate_of('AB', '012', [(0, 0), (1, 1)])
    files, said = {}, 'the plate has no image of any well'
    if case == 'itself':
        made['wells'] *= 5000
        for well in made['wells']:
            well['path'] = '.'
        said = 'more metadata than are read'
    elif case == 'rows':
        made['rows'] = [{'name': 'A'}] * 2000
        said = 'too many rows or columns'
    elif case == 'wells':
        made['wells'] = [dict(made['wells'][0], path='B/1') for _ in range(5000)]
    elif case == 'outside':
        made['wells'][0].update(rowIndex=2**31, columnIndex=2**31, path='../../../etc')
        made['wells'][1].update(rowIndex=-1)
    elif case == 'damaged':
        files['A/0/zarr.json'] = b'{'
        said = 'A/0/zarr.json'
    archive = write(tmp_path / 'x.ozx', {'zarr.json': group(plate=made), **files})
    done = subprocess.run([OZXFS, 'thumbnail', archive, tmp_path / 'x.png'], capture_output=True,
                          text=True, timeout=60, preexec_fn=limited, check=False)
    assert done.returncode in (2, 66, 69) and done.stderr.count('\n') == 1, done
    assert said in done.stderr, done
