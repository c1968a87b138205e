# SPDX-License-Identifier: BSD-2-Clause
"""What /proc says of a process: its status, its children, its descriptors. A process that has ended
is an OSError; a descriptor closed meanwhile is left out."""
import contextlib
import os


def status_of(pid):
    """{field: text}"""
    with open(f'/proc/{pid}/status', encoding='utf-8') as lines:
        return dict(line.rstrip('\n').split(':\t', 1) for line in lines if ':\t' in line)


def kib_of(pid, field):
    """A size of its status, such as VmHWM or RssAnon."""
    return int(status_of(pid)[field].split()[0])


def is_gone(pid):
    try:
        return status_of(pid)['State'][0] in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return True


def parent_of(pid):
    return int(status_of(pid)['PPid'])


def children_of(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as children:
        return [int(child) for child in children.read().split()]


def descriptors_of(pid):
    """{number: what it leads to}"""
    held = {}
    for number in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(FileNotFoundError):
            held[int(number)] = os.readlink(f'/proc/{pid}/fd/{number}')
    return held
