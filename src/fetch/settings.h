/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the fetcher was told over its control socket, and what it reads of files with the rights
 * of who started it.
 */
#ifndef OZX_FETCH_SETTINGS_H
#define OZX_FETCH_SETTINGS_H

#include "fetch/s3.h"
#include "fetch/way.h"

struct ozx_settings {
    char *all; /* owned: what the others point into */
    size_t size_bytes;
    const char *url, *cacert, *netrc;
    struct ozx_proxies proxies;
    const char *url_file, *header_file, *profile;
    const char *cache; /* a folder; NULL: memory */
    uint64_t cache_bytes;
    struct ozx_s3_options s3_options;
    unsigned long deadline_s;
    bool guarded;

    /* From ozx_settings_prepare on. */
    struct curl_slist *headers; /* owned */
    void *cacert_data;          /* owned; NULL: none */
    size_t cacert_size;
    char *first_url; /* owned; NULL: it could not be found out */
    int url_fd;      /* owned; -1: none */
    int cache_fd;    /* owned; -1: memory */
    struct ozx_s3 s3;
    bool is_s3;
};

/* From a socket. -EPROTO: what came is no settings; -ENOMEM. */
int ozx_settings_receive(struct ozx_settings *settings, int socket) OZX_CHECKED;
/* Opens and reads the files, finds the URL. To be called once, before rights are given up. */
int ozx_settings_prepare(struct ozx_settings *settings, struct ozx_error *error) OZX_CHECKED;
void ozx_settings_release(struct ozx_settings *settings);

#endif
