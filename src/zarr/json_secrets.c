/* SPDX-License-Identifier: BSD-2-Clause */
#include "zarr/json_secrets.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Keys are in what jansson reads and in what it makes of it. */
static void wipe_and_free(void *block)
{
    if (block)
        explicit_bzero(block, malloc_usable_size(block));
    free(block);
}

void ozx_json_secrets_begin(void)
{
    size_t seed = 0;

    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    json_object_seed(seed | 1); /* for 0 it opens a file */
    json_set_alloc_funcs(malloc, wipe_and_free);
}

void ozx_json_secrets_take(const char *text, const char *const *names, char **out, size_t count)
{
    json_t *object = json_loads(text, 0, NULL);

    for (size_t i = 0; i < count; i++) {
        const char *value = json_string_value(json_object_get(object, names[i]));
        out[i] = value ? strdup(value) : NULL;
    }
    json_decref(object);
}
