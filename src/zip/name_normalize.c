/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The normal form of a name: separators told apart, empty and '.' components left away.
 */
#include "zip/name_normalize.h"

#include <string.h>

#include "zip/name.h"

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Paths of Windows that begin at a drive or a host. */
static const char *windows_defect(const char *path, size_t size)
{
    if (size >= 2 && is_letter(path[0]) && path[1] == ':')
        return "a drive letter";
    return size >= 2 && path[0] == '\\' && path[1] == '\\' ? "a host name" : NULL;
}

const char *ozx_zip_name_normalize(char *out, size_t *out_size_bytes, const char *path,
                              size_t size_bytes, bool backslashes)
{
    const char *defect = backslashes ? windows_defect(path, size_bytes) : NULL;
    size_t used = 0, at = 0;
    bool is_directory = false;

    if (defect)
        return defect;
    if (!size_bytes)
        return "no name";
    while (at < size_bytes) {
        size_t start = at;

        while (at < size_bytes && path[at] != '/' && !(backslashes && path[at] == '\\'))
            at++;
        is_directory = at < size_bytes;
        if (at - start == 1 && path[start] == '.') {
            if (!is_directory)
                return "a '.' component at its end";
        } else if (at > start) {
            memmove(out + used, path + start, at - start); /* never ahead of what is read */
            used += at - start;
            if (is_directory)
                out[used++] = '/';
        }
        at++;
    }
    *out_size_bytes = used;
    return used ? ozx_zip_name_defect(out, used) : NULL;
}
