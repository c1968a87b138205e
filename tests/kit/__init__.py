# SPDX-License-Identifier: BSD-2-Clause
"""What tests of several folders stand on: mechanics, and no expectation of a single test.

launch    running ozxfs to its end          harness  mounting it, and leaving nothing behind
info      archives of metadata, `info`      verify   `verify --json`
trees     trees of files, what is in them   faulty   ozxfs with one system call that fails
line      machines, a delay between them    libc     what Python has no call for

The archives forged byte by byte are in tests/corpus. Both are found because run-pytest puts tests/
on Python's path.
"""
