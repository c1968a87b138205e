/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON written value by value, indented by two, for reports that as one tree of jansson's would
 * take many times the memory of what they tell. One thread.
 */
#ifndef OZX_INFO_JSON_STREAM_H
#define OZX_INFO_JSON_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* {.out = a file, .is_first = true}; ferror(out) is the caller's. */
struct ozx_json_stream {
    FILE *out;
    unsigned depth; /* of open objects and lists */
    bool is_first;  /* nothing is written yet of the one that is open */
    bool failed;    /* sticky: no memory, and a value is missing */
};

/* `key` is plain ASCII, NULL in a list and at the top; `bracket` one of "{[", and of "}]" to close
 * it. */
void ozx_json_stream_open(struct ozx_json_stream *s, const char *key, char bracket);
void ozx_json_stream_close(struct ozx_json_stream *s, char bracket);

/* Takes `value`; NULL, which is what jansson makes without memory, is a failure. */
void ozx_json_stream_put(struct ozx_json_stream *s, const char *key, json_t *value);

/* Takes `object`, whose members become those of the one that is open. */
void ozx_json_stream_put_members(struct ozx_json_stream *s, json_t *object);

/* Values; NULL without memory. null for what does not fit JSON's usual integers, which is not a
 * number of anything real; the caller's. */
json_t *ozx_json_stream_number(uint64_t value);

/* A text of the metadata, or one of ours that may have been cut inside a character; NULL is null.
 */
json_t *ozx_json_stream_text(const char *value);

#endif
