#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""embed.py OUT.c FILE...: the files as arrays in a C source (page.h). Same files, same bytes out:
names are sorted, and nothing else of this machine is in it."""
import os
import re
import sys

MEDIA_TYPES = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.svg': 'image/svg+xml',
}
PER_LINE = 24
FIND = '''
const struct ozx_page_file *ozx_page_find(const char *name)
{
    if (*name == '\\0')
        name = "view.html";
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}
'''


def array(name, data):
    lines = [','.join(map(str, data[at:at + PER_LINE])) for at in range(0, len(data), PER_LINE)]
    return 'static const uint8_t %s[] = {\n%s};\n' % (name, ',\n'.join(lines))


def source(paths):
    arrays, rows = [], []
    for path in sorted(paths, key=os.path.basename):
        name = os.path.basename(path)
        assert re.fullmatch(r'[a-z]+\.[a-z]+', name), name
        variable = name.replace('.', '_')
        with open(path, 'rb') as file:
            arrays.append(array(variable, file.read()))
        rows.append('    {"%s", "%s", %s, sizeof %s},\n' %
                    (name, MEDIA_TYPES[os.path.splitext(name)[1]], variable, variable))
    return ('/* SPDX-License-Identifier: BSD-2-Clause */\n/* Written by embed.py. */\n'
            '#include "view/page/page.h"\n\n#include <string.h>\n\n' + '\n'.join(arrays) +
            '\nstatic const struct ozx_page_file files[] = {\n' + ''.join(rows) + '};\n' + FIND)


if __name__ == '__main__':
    with open(sys.argv[1], 'w', encoding='ascii') as out:
        out.write(source(sys.argv[2:]))
