# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the tests of faults."""
import os
import tempfile

from kit import faulty as tools
import pytest
from kit.harness import Ozxfs, readable_folder


@pytest.fixture(scope='module')
def folder():
    with readable_folder() as path:
        yield path


@pytest.fixture(scope='module')
def archive(folder):
    """(path, {name: bytes})"""
    path = os.path.join(folder, 'image.ozx')
    return path, tools.make_archive(path)


@pytest.fixture
def faulty(folder):
    return tools.Faulty(folder)


@pytest.fixture
def figure(record_property):
    """figure(words, name=number, ...): prints the words, and keeps the numbers for tests/promises.
    """
    def say(words, **numbers):
        print(words)
        for name, number in numbers.items():
            record_property(name, number)
    return say


@pytest.fixture
def ozxfs(folder):
    own = tempfile.mkdtemp(dir=folder)
    os.chmod(own, 0o755)
    command = Ozxfs(os.path.abspath(tools.OZXFS), own)
    yield command
    command.clean_up()
