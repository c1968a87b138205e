/* SPDX-License-Identifier: BSD-2-Clause
 *
 * They go to the fetcher as they are: it knows what they mean.
 */
#include "cli/remote_options.h"

#include <string.h>

#include "cli/report.h"

#define CACHE_MIN (UINT64_C(16) << 20) /* bytes */
#define CACHE_MAX (UINT64_C(1) << 40)

struct ozx_remote_options ozx_remote_options;

#define TAKE(member)                                                                               \
    int ozx_remote_take_##member(void *context, const char *value)                                 \
    {                                                                                              \
        (void)context;                                                                             \
        ozx_remote_options.member = value;                                                         \
        return *value ? OZX_EXIT_OK : -EINVAL;                                                     \
    }

#define TAKE_SWITCH(member)                                                                        \
    int ozx_remote_take_##member(void *context, const char *value)                                 \
    {                                                                                              \
        (void)context, (void)value;                                                                \
        ozx_remote_options.member = true;                                                          \
        return OZX_EXIT_OK;                                                                        \
    }

TAKE(url_file)
TAKE(header_file)
TAKE(cacert)
TAKE(cache)
TAKE(profile)
TAKE(region)
TAKE(endpoint)
TAKE_SWITCH(anonymous)
TAKE_SWITCH(requester_pays)
TAKE_SWITCH(instance_role)

int ozx_remote_take_addressing_style(void *context, const char *value)
{
    (void)context;
    if (strcmp(value, "auto") != 0 && strcmp(value, "path") != 0 && strcmp(value, "virtual") != 0)
        return -EINVAL;
    ozx_remote_options.addressing_style = value;
    return OZX_EXIT_OK;
}

int ozx_remote_take_cache_size(void *context, const char *value)
{
    uint64_t *size = &ozx_remote_options.cache_size_bytes;

    (void)context;
    return ozx_option_size(value, size) == 0 && *size >= CACHE_MIN && *size <= CACHE_MAX
               ? OZX_EXIT_OK
               : -EINVAL;
}

static const struct ozx_option keys[] = {OZX_REMOTE_KEYS};

static int take_other(void *context, const char *key)
{
    (void)context, (void)key;
    return -ENOENT;
}

const struct ozx_keys ozx_remote_keys = {
    .rows = keys, .count = sizeof keys / sizeof keys[0], .other = take_other};
