/* SPDX-License-Identifier: BSD-2-Clause
 *
 * They go to the fetcher as they are: it knows what they mean.
 */
#include "cli/remote_options.h"

#include <string.h>

#include "cli/report.h"

#define CACHE_MIN (UINT64_C(16) << 20) /* bytes */
#define CACHE_MAX (UINT64_C(1) << 40)

#define FIELD(member) .field = offsetof(struct ozx_remote_options, member)

static int take_addressing_style(void *context, const char *value)
{
    if (strcmp(value, "auto") != 0 && strcmp(value, "path") != 0 && strcmp(value, "virtual") != 0)
        return -EINVAL;
    ((struct ozx_remote_options *)context)->addressing_style = value;
    return OZX_EXIT_OK;
}

static int take_cache_size(void *context, const char *value)
{
    uint64_t *size = &((struct ozx_remote_options *)context)->cache_size_bytes;

    return ozx_option_size(value, size) == 0 && *size >= CACHE_MIN && *size <= CACHE_MAX
               ? OZX_EXIT_OK
               : -EINVAL;
}

static const struct ozx_option keys[] = {
    {.name = "url_file",
     .value = "FILE",
     .help = "the URL in full, with its signature, is in FILE",
     .kind = OZX_OPTION_NAME,
     FIELD(url_file),
     .wanted = "a file"},
    {.name = "header_file",
     .value = "FILE",
     .help = "send the headers in FILE with each request",
     .kind = OZX_OPTION_NAME,
     FIELD(header_file),
     .wanted = "a file"},
    {.name = "cacert",
     .value = "FILE",
     .help = "CA certificates, in place of the system's",
     .kind = OZX_OPTION_NAME,
     FIELD(cacert),
     .wanted = "a file"},
    {.name = "cache",
     .value = "DIR",
     .help = "cache in an unnamed file in DIR, not in memory",
     .kind = OZX_OPTION_NAME,
     FIELD(cache),
     .wanted = "a directory"},
    {.name = "cache_size",
     .value = "SIZE",
     .help = "size of the cache: 256M, 4G (default: 64M; 1G in DIR)",
     .take = take_cache_size,
     .wanted = "a size from 16M to 1T"},
    {.name = "profile",
     .value = "NAME",
     .help = "s3: the profile in ~/.aws",
     .kind = OZX_OPTION_NAME,
     FIELD(profile),
     .wanted = "a profile's name"},
    {.name = "region",
     .value = "NAME",
     .help = "s3: the bucket's region",
     .kind = OZX_OPTION_NAME,
     FIELD(region),
     .wanted = "a region's name"},
    {.name = "endpoint",
     .value = "URL",
     .help = "s3: a server other than Amazon's",
     .kind = OZX_OPTION_NAME,
     FIELD(endpoint),
     .wanted = "an http or https URL"},
    {.name = "addressing_style",
     .value = "STYLE",
     .help = "s3: where the bucket's name goes: auto (default), path or virtual",
     .take = take_addressing_style,
     .wanted = "auto, path or virtual"},
    {.name = "anonymous", .help = "s3: send no credentials", FIELD(anonymous)},
    {.name = "instance_role",
     .help = "s3: use the credentials of this instance's role",
     FIELD(instance_role)},
    {.name = "requester_pays", .help = "s3: agree to pay for what is read", FIELD(requester_pays)},
};

const struct ozx_keys ozx_remote_keys = {.rows = keys, .count = sizeof keys / sizeof keys[0]};
