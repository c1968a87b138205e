/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Inside the decoder: one thread's answers, made from the archive. A function for each kind of
 * ask.
 *
 * Each returns 0 and has filled the answer, or -errno with the error: -ENOENT, -ERANGE (there is
 * no such thing), -ENOMEM, others (it cannot be decoded).
 */
#ifndef OZX_VIEW_MAKE_H
#define OZX_VIEW_MAKE_H

#include <pthread.h>
#include <stdio.h>

#include "archive/archive.h"
#include "base/memory_stream.h"
#include "image/find.h"
#include "info/json_stream.h"
#include "view/ask.h"

#define OZX_HELD_IMAGES 12

struct ozx_view_answer {
    struct ozx_reply reply;
    char *bytes; /* owned; reply.size_bytes of them */
};

/* An image at one of its levels, kept open for the next tile. */
struct ozx_held {
    uint32_t node, level;
    uint64_t used; /* when; 0: nothing is held */
    struct ozx_image image;
};

/* A thread. */
struct ozx_maker {
    struct ozx_archive *archive; /* borrowed; shared */
    struct ozx_effort effort;    /* of this ask */
    struct ozx_held held[OZX_HELD_IMAGES];
    uint64_t clock;
    const char *file; /* name of the archive */
};

/* The image at a level, borrowed until the thread asks for another one than these two. The errors
 * of ozx_image_open and ozx_image_go_to_level. */
int ozx_maker_image(struct ozx_maker *maker, uint32_t node, uint32_t level, struct ozx_image **out,
                    struct ozx_error *error) OZX_CHECKED;
void ozx_maker_let_go(struct ozx_maker *maker); /* of all that it holds */

int ozx_make_tree(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error) OZX_CHECKED;
int ozx_make_node(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error) OZX_CHECKED;
int ozx_make_image(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error) OZX_CHECKED;
int ozx_make_tile(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                  struct ozx_error *error) OZX_CHECKED;
int ozx_make_plate(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error) OZX_CHECKED;
int ozx_make_thumbnail(struct ozx_maker *maker, const struct ozx_ask *ask,
                       struct ozx_view_answer *out, struct ozx_error *error) OZX_CHECKED;
int ozx_make_findings(struct ozx_maker *maker, const struct ozx_ask *ask,
                      struct ozx_view_answer *out, struct ozx_error *error) OZX_CHECKED;
int ozx_make_found(struct ozx_maker *maker, const struct ozx_ask *ask, const char *path,
                   struct ozx_view_answer *out, struct ozx_error *error) OZX_CHECKED;
int ozx_make_bytes(struct ozx_maker *maker, const struct ozx_ask *ask, struct ozx_view_answer *out,
                   struct ozx_error *error) OZX_CHECKED;

/* The answer to what failed: a status, and a message. -ENOMEM. */
int ozx_make_failure(const struct ozx_error *error, struct ozx_view_answer *out) OZX_CHECKED;

/* JSON that becomes an answer: what is written to `stream` in between. */
struct ozx_json_answer {
    struct ozx_json_stream stream;
    struct ozx_memory_stream memory;
};

int ozx_json_answer_begin(struct ozx_json_answer *answer, struct ozx_error *error) OZX_CHECKED;
/* The same for an object about a directory; -ENOENT as ozx_make_check_directory. */
int ozx_json_answer_begin_node(struct ozx_json_answer *answer, const struct ozx_maker *maker,
                               uint32_t node, struct ozx_error *error) OZX_CHECKED;
/* Ends it, whatever has `failure` come to, and returns that; -ENOTSUP: it is too large to be
 * sent. */
int ozx_json_answer_end(struct ozx_json_answer *answer, int failure, struct ozx_view_answer *out,
                        struct ozx_error *error) OZX_CHECKED;

/* -ENOENT, "there is no such node", unless the node is a directory. */
int ozx_make_check_directory(const struct ozx_maker *maker, uint32_t node,
                             struct ozx_error *error) OZX_CHECKED;

#endif
