/* SPDX-License-Identifier: BSD-2-Clause
 *
 * jansson, and whether it got the memory that it asked for.
 */
#include "zarr/jansson.h"

#include <pthread.h>
#include <stdbool.h>

/* The only way to learn it: jansson takes its memory through these. */
static pthread_once_t watched = PTHREAD_ONCE_INIT;
static json_malloc_t unwatched_malloc;
static json_free_t unwatched_free;
static _Thread_local bool lacked_memory;

static void *watched_malloc(size_t size)
{
    void *got = unwatched_malloc(size);

    lacked_memory |= !got;
    return got;
}

static void watch(void)
{
    json_get_alloc_funcs(&unwatched_malloc, &unwatched_free);
    json_set_alloc_funcs(watched_malloc, unwatched_free);
}

static void begin(void)
{
    pthread_once(&watched, watch);
    lacked_memory = false;
}

int ozx_jansson_load(const char *text, size_t size_bytes, size_t flags, json_t **out,
                   json_error_t *json_error)
{
    json_t *json;

    begin();
    json = json_loadb(text, size_bytes, flags, json_error);
    if (lacked_memory) {
        json_decref(json);
        return -ENOMEM;
    }
    if (!json)
        return -EBADMSG;
    *out = json;
    return 0;
}

int ozx_jansson_format(const json_t *json, size_t flags, char **out)
{
    char *text;

    begin();
    text = json ? json_dumps(json, flags) : NULL;
    if (!text || lacked_memory) {
        unwatched_free(text);
        return -ENOMEM;
    }
    *out = text;
    return 0;
}

int ozx_jansson_print(const json_t *json, size_t flags, char *buffer, size_t room_bytes,
                   size_t *size_bytes)
{
    size_t size;

    begin();
    size = json_dumpb(json, buffer, room_bytes, flags);
    if (lacked_memory)
        return -ENOMEM;
    *size_bytes = size;
    return 0;
}

void ozx_jansson_seed(void)
{
    json_object_seed(0);
}
