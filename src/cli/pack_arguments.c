/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of options into the options of a pack.
 */
#include "cli/pack_arguments.h"

#include <string.h>

#include "cli/report.h"
#include "cli/work.h"

static bool is_version(const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7F)
            return false;
    return size && size < OZX_VERSION_TEXT_MAX && ozx_utf8_valid(text, size);
}

int ozx_take_ome_version(const char *verb, const char *value, struct ozx_pack_options *options)
{
    options->ome_version = value;
    return is_version(value)
               ? OZX_EXIT_OK
               : ozx_work_bad_value(verb, "--ome-version", value, "a version like 0.5");
}

int ozx_take_align(const char *verb, const char *value, struct ozx_pack_options *options)
{
    long long number;

    if (ozx_work_number(value, 1, OZX_ALIGN_MAX, &number) || (number & (number - 1)) != 0)
        return ozx_work_bad_value(verb, "--align", value, "a power of two up to 32768");
    options->align_bytes = (uint32_t)number;
    return OZX_EXIT_OK;
}
