/* SPDX-License-Identifier: BSD-2-Clause
 *
 * -o of verbs that read archives at URLs: how they are asked for. The same keys in all verbs,
 * for all URLs of a command line; secrets are in files, whose names are given.
 */
#ifndef OZX_CLI_REMOTE_OPTIONS_H
#define OZX_CLI_REMOTE_OPTIONS_H

#include <stdbool.h>

#include "cli/options.h"

/* Borrowed from argv; NULL, false: not given. */
struct ozx_remote_options {
    const char *url_file, *header_file, *cacert;
    const char *cache;
    uint64_t cache_size_bytes; /* 0: not given */
    const char *profile, *region, *endpoint, *addressing_style;
    bool anonymous, requester_pays, instance_role;
    bool for_others; /* root mounts it for whoever may read there */
};

/* Of this command line. */
extern struct ozx_remote_options ozx_remote_options;

int ozx_remote_take_url_file(void *context, const char *value);
int ozx_remote_take_header_file(void *context, const char *value);
int ozx_remote_take_cacert(void *context, const char *value);
int ozx_remote_take_cache(void *context, const char *value);
int ozx_remote_take_cache_size(void *context, const char *value);
int ozx_remote_take_profile(void *context, const char *value);
int ozx_remote_take_region(void *context, const char *value);
int ozx_remote_take_endpoint(void *context, const char *value);
int ozx_remote_take_addressing_style(void *context, const char *value);
int ozx_remote_take_anonymous(void *context, const char *value);
int ozx_remote_take_requester_pays(void *context, const char *value);
int ozx_remote_take_instance_role(void *context, const char *value);

/* Rows, for a table of keys. */
#define OZX_REMOTE_KEYS                                                                            \
    {.name = "url_file",                                                                           \
     .value = "FILE",                                                                              \
     .help = "the URL in full, with its signature, is in FILE",                                    \
     .take = ozx_remote_take_url_file,                                                             \
     .wanted = "a file"},                                                                          \
        {.name = "header_file",                                                                    \
         .value = "FILE",                                                                          \
         .help = "send the headers in FILE with each request",                                     \
         .take = ozx_remote_take_header_file,                                                      \
         .wanted = "a file"},                                                                      \
        {.name = "cacert",                                                                         \
         .value = "FILE",                                                                          \
         .help = "CA certificates, in place of the system's",                                      \
         .take = ozx_remote_take_cacert,                                                           \
         .wanted = "a file"},                                                                      \
        {.name = "cache",                                                                          \
         .value = "DIR",                                                                           \
         .help = "keep what was read in a file without a name in DIR, not in memory",              \
         .take = ozx_remote_take_cache,                                                            \
         .wanted = "a directory"},                                                                 \
        {.name = "cache_size",                                                                     \
         .value = "SIZE",                                                                          \
         .help = "at most so much of it: 256M, 4G (default: 64M, in DIR 1G)",                      \
         .take = ozx_remote_take_cache_size,                                                       \
         .wanted = "a size from 16M to 1T"},                                                       \
        {.name = "profile",                                                                        \
         .value = "NAME",                                                                          \
         .help = "s3: the profile in ~/.aws",                                                      \
         .take = ozx_remote_take_profile,                                                          \
         .wanted = "a profile's name"},                                                            \
        {.name = "region",                                                                         \
         .value = "NAME",                                                                          \
         .help = "s3: the bucket's region",                                                        \
         .take = ozx_remote_take_region,                                                           \
         .wanted = "a region's name"},                                                             \
        {.name = "endpoint",                                                                       \
         .value = "URL",                                                                           \
         .help = "s3: a server other than Amazon's",                                               \
         .take = ozx_remote_take_endpoint,                                                         \
         .wanted = "an http or https URL"},                                                        \
        {.name = "addressing_style",                                                               \
         .value = "STYLE",                                                                         \
         .help = "s3: where the bucket's name goes: auto (default), path or virtual",              \
         .take = ozx_remote_take_addressing_style,                                                 \
         .wanted = "auto, path or virtual"},                                                       \
        {.name = "anonymous",                                                                      \
         .help = "s3: without credentials",                                                        \
         .take = ozx_remote_take_anonymous},                                                       \
        {.name = "instance_role",                                                                  \
         .help = "s3: with the credentials of the role of this instance",                          \
         .take = ozx_remote_take_instance_role},                                                   \
    {                                                                                              \
        .name = "requester_pays", .help = "s3: you pay for what is read",                          \
        .take = ozx_remote_take_requester_pays                                                     \
    }

/* For verbs that have no other keys. */
extern const struct ozx_keys ozx_remote_keys;

#define OZX_REMOTE_OPTION                                                                          \
    {                                                                                              \
        .name = "options", .letter = 'o', .value = "KEY,...",                                      \
        .help = "how an archive at a URL is read, from the list below", .kind = OZX_OPTION_LIST    \
    }

#endif
