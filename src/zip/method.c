/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The methods that people meet.
 */
#include "zip/method.h"

#include <stddef.h>

const char *ozx_zip_method_name(uint16_t method)
{
    static const struct {
        uint16_t method;
        const char *name;
    } names[] = {{0, "stored"}, {8, "deflate"}, {9, "deflate64"}, {12, "bzip2"},
                 {14, "lzma"},  {93, "zstd"},   {95, "xz"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].method == method)
            return names[i].name;
    return NULL;
}
