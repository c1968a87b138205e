/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of options into the options of a pack.
 */
#include "cli/pack_arguments.h"

#include <string.h>

#include "cli/report.h"
#include "cli/work.h"

static const char digits[] = "0123456789";

/* Behind the mark of a version that is not final, NULL if that is not at its start. */
static const char *behind_mark(const char *text)
{
    static const char *const marks[] = {"alpha", "beta", "dev", "draft", "post",
                                        "pre",   "rc",   "a",   "b"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strncmp(text, marks[i], strlen(marks[i])) == 0)
            return text + strlen(marks[i]);
    return NULL;
}

/* Two or more numbers, and perhaps the mark of a version that is not final: 0.5, 0.6.1, 0.6.dev3,
 * 0.6-rc.1, 1.0a2. */
static bool is_version(const char *text)
{
    const char *at = text;
    unsigned numbers = 0;
    size_t size;

    for (; (size = strspn(at, digits)) > 0; numbers++) {
        at += size;
        if (*at != '.' || !strspn(at + 1, digits))
            break;
        at++;
    }
    if (!size || numbers < 1 || strlen(text) >= OZX_VERSION_TEXT_MAX)
        return false;
    if (*at) {
        at = behind_mark(at + (*at == '.' || *at == '-'));
        if (!at)
            return false;
        at += *at == '.' && strspn(at + 1, digits);
        at += strspn(at, digits);
    }
    return !*at;
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
