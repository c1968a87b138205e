/* SPDX-License-Identifier: BSD-2-Clause
 *
 * -o of verbs that read archives at URLs: how they are asked for. The same keys in all verbs,
 * for all URLs of a command line; secrets are in files, whose names are given.
 */
#ifndef OZX_CLI_REMOTE_OPTIONS_H
#define OZX_CLI_REMOTE_OPTIONS_H

#include <stdbool.h>

#include "cli/options.h"
#include "cli/remote_urls.h"

/* Borrowed from argv; NULL, false: not given. */
struct ozx_remote_options {
    const struct ozx_remote_urls *urls; /* of this command line, borrowed */
    const char *url_file, *header_file, *cacert;
    const char *cache;
    uint64_t cache_size_bytes; /* 0: not given */
    const char *profile, *region, *endpoint, *addressing_style;
    bool anonymous, requester_pays, instance_role;
    bool for_others; /* root mounts it for whoever may read there */
};

extern const struct ozx_keys ozx_remote_keys;

/* In a verb whose context has a struct ozx_remote_options as this member. */
#define OZX_REMOTE_KEYS(context, member)                                                           \
    .shared_keys = &ozx_remote_keys, .shared_field = offsetof(context, member)

#define OZX_REMOTE_OPTION                                                                          \
    {                                                                                              \
        .name = "options", .letter = 'o', .value = "KEY,...",                                      \
        .help = "how an archive at a URL is read, from the list below", .kind = OZX_OPTION_LIST    \
    }

#endif
