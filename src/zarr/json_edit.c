/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The place of the member is looked for in the text, and the text is joined anew around it.
 */
#include "zarr/json_edit.h"

#include <stdint.h>
#include <string.h>

#include "zarr/jansson.h"
#include "zarr/json_text.h"
#include "zarr/json_write.h"

struct path {
    char *keys[OZX_JSON_KEYS_MAX]; /* in `memory` */
    size_t count;
    char *memory; /* owned */
};

struct edit {
    const char *text;
    size_t size_bytes;
    struct path path;
    const char *value; /* NULL: remove */
};

static int take_path(const char *path, size_t size, struct path *out, struct ozx_error *error)
{
    char *at = out->memory = malloc(size + 1);

    if (!at)
        return ozx_error_memory(error);
    out->keys[out->count++] = at;
    for (size_t i = 0; i < size; i++) {
        if (path[i] == '\\' && i + 1 < size && (path[i + 1] == '.' || path[i + 1] == '\\')) {
            *at++ = path[++i];
        } else if (path[i] != '.') {
            *at++ = path[i];
        } else if (out->count == OZX_JSON_KEYS_MAX) {
            return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                                 "the key has too many parts");
        } else {
            *at++ = '\0';
            out->keys[out->count++] = at;
        }
    }
    *at = '\0';
    for (size_t i = 0; i < out->count; i++)
        if (!*out->keys[i])
            return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                                 "put a backslash before a dot that belongs to a key",
                                 "the key has an empty part");
    return 0;
}

static int fail(const struct edit *e, size_t depth, int code, const char *what,
                struct ozx_error *error)
{
    char key[OZX_ESCAPED_SIZE];

    return ozx_error_set(
        error, code, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL, "'%s' %s",
        ozx_escape(key, sizeof key, e->path.keys[depth], strlen(e->path.keys[depth])), what);
}

/* The new text: `skip` is left out, and there stand instead what `front` says, the rest of the path
 * from `depth` on as objects, and the value. */
static int join(const struct edit *e, struct ozx_json_range skip, const char *front, size_t depth,
                char **out, size_t *out_size, struct ozx_error *error)
{
    OZX_AUTO_TEXT struct ozx_text made = {.bytes = NULL};

    ozx_text_add(&made, e->text, skip.from);
    ozx_text_put(&made, front);
    for (size_t i = depth; e->value && i < e->path.count; i++) {
        json_t *key = json_string(e->path.keys[i]);
        OZX_AUTO_FREE char *quoted = NULL;
        int failure = key ? ozx_jansson_format(key, JSON_ENCODE_ANY, &quoted) : -ENOMEM;

        json_decref(key);
        if (failure)
            return ozx_error_memory(error);
        ozx_text_put(&made, i > depth ? "{" : "");
        ozx_text_put(&made, quoted);
        ozx_text_put(&made, ": ");
    }
    if (e->value)
        ozx_text_put(&made, e->value);
    for (size_t i = depth; e->value && i + 1 < e->path.count; i++)
        ozx_text_put(&made, "}");
    ozx_text_add(&made, e->text + skip.to, e->size_bytes - skip.to);
    if (made.no_memory)
        return ozx_error_memory(error);
    *out = ozx_take(made.bytes);
    *out_size = made.size_bytes;
    return 0;
}

/* Looks for the part `depth` in the object or list `value`. 1: found; 0: not. `whole` is the member
 * with its key and one comma, `end` the place for one more, `any`: something stands in it. */
struct found {
    struct ozx_json_range value, whole;
    size_t end;
    bool any, is_list;
};

static size_t behind_white(const char *text, size_t at)
{
    return at + strspn(text + at, " \t\r\n");
}

/* The commas: the one behind the member, else the one in front of it. */
static struct ozx_json_range with_comma(const char *text, size_t from, size_t to,
                                        size_t previous_end)
{
    size_t next = behind_white(text, to);

    if (text[next] == ',')
        return (struct ozx_json_range){from, behind_white(text, next + 1)};
    return (struct ozx_json_range){previous_end ? previous_end : from, to};
}

static int look(const struct edit *e, struct ozx_json_range in, size_t depth, struct found *out,
                struct ozx_error *error)
{
    struct ozx_json_cursor cursor = ozx_json_within(e->text, in);
    const char *key = e->path.keys[depth];
    size_t index = 0, previous_end = 0, wanted = SIZE_MAX;
    enum ozx_json_step step;
    int found = 0;

    memset(out, 0, sizeof *out);
    out->is_list = !ozx_json_enter(&cursor, '{');
    if (out->is_list && !ozx_json_enter(&cursor, '['))
        return fail(e, depth, -ENOTDIR,
                    "is looked for in a value that is neither an object nor a list", error);
    if (strspn(key, "0123456789") == strlen(key) && strlen(key) < 10)
        wanted = strtoul(key, NULL, 10);
    for (;;) {
        struct ozx_json_member member = {.start = 0};
        step = out->is_list ? ozx_json_next_element(&cursor, &member.value)
                            : ozx_json_next_member(&cursor, &member);
        if (step != OZX_JSON_ITEM)
            break;
        if (out->is_list ? index == wanted : ozx_json_is(e->text, member.key, key)) {
            if (found)
                return fail(e, depth, -EBADMSG, "is there twice: which one counts is up to readers",
                            error);
            found = 1;
            out->value = member.value;
            out->whole = with_comma(e->text, out->is_list ? member.value.from : member.start,
                                    member.value.to, previous_end);
        }
        out->any = true;
        index++;
        previous_end = member.value.to;
    }
    if (step == OZX_JSON_WRONG)
        return fail(e, depth, -EINVAL, "is looked for in what is not JSON", error);
    out->end = out->any ? previous_end : cursor.at - 1;
    return found;
}

/* A part behind `depth` is for an element of a list: no object is made for it. */
static bool leads_into_list(const struct edit *e, size_t depth)
{
    for (size_t i = depth + 1; i < e->path.count; i++)
        if (strspn(e->path.keys[i], "0123456789") == strlen(e->path.keys[i]) ||
            strcmp(e->path.keys[i], "-") == 0)
            return true;
    return false;
}

static int apply(const struct edit *e, char **out, size_t *out_size, struct ozx_error *error)
{
    struct ozx_json_cursor whole = ozx_json_text(e->text, e->size_bytes);
    struct ozx_json_range at = {whole.at, whole.end};
    struct found found = {.any = false};

    for (size_t depth = 0; depth < e->path.count; depth++) {
        int known = look(e, at, depth, &found, error);
        if (known < 0)
            return known;
        if (!known && !e->value)
            return fail(e, depth, -ENOENT, "is not there", error);
        if (!known && found.is_list && depth + 1 == e->path.count &&
            strcmp(e->path.keys[depth], "-") == 0)
            return join(e, (struct ozx_json_range){found.end, found.end}, found.any ? ", " : "",
                        e->path.count, out, out_size, error);
        if (!known && found.is_list)
            return fail(e, depth, -ENOENT, "is not an element of the list", error);
        if (!known && leads_into_list(e, depth))
            return fail(e, depth, -ENOENT,
                        "is not there, and what follows leads into a list: set the whole list",
                        error);
        if (!known)
            return join(e, (struct ozx_json_range){found.end, found.end}, found.any ? ", " : "",
                        depth, out, out_size, error);
        at = found.value;
    }
    return join(e, e->value ? found.value : found.whole, "", e->path.count, out, out_size, error);
}

static int check_value(const char *value, struct ozx_error *error)
{
    json_error_t why;
    json_t *json = NULL;
    int failure;

    if (!value)
        return 0;
    /* integers as reals: those of an uint64 array do not fit jansson's */
    failure = ozx_jansson_load(value, strlen(value),
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                               &json, &why);
    json_decref(json);
    if (failure == -ENOMEM)
        return ozx_error_memory(error);
    if (failure)
        return ozx_error_set(error, -EINVAL, OZX_RULE_NONE, OZX_OFFSET_NONE,
                             "a text needs quotes: KEY='\"text\"'", "the value is not JSON: %s",
                             why.text);
    return 0;
}

int ozx_json_edit_known(const char *text, size_t size_bytes, const char *path,
                        size_t path_size_bytes, const char *value, char **out,
                        size_t *out_size_bytes, struct ozx_error *error)
{
    OZX_AUTO_FREE char *terminated = malloc(size_bytes + 1);
    struct edit edit = {.text = terminated, .size_bytes = size_bytes, .value = value};
    int failure;

    if (!terminated)
        return ozx_error_memory(error);
    failure = take_path(path, path_size_bytes, &edit.path, error);
    if (!failure) {
        memcpy(terminated, text, size_bytes);
        terminated[size_bytes] = '\0';
        failure = apply(&edit, out, out_size_bytes, error);
    }
    free(edit.path.memory);
    return failure;
}

int ozx_json_edit(const char *text, size_t size_bytes, const char *path, size_t path_size_bytes,
                  const char *value, char **out, size_t *out_size_bytes, struct ozx_error *error)
{
    int failure = check_value(value, error);

    return failure ? failure
                   : ozx_json_edit_known(text, size_bytes, path, path_size_bytes, value, out,
                                         out_size_bytes, error);
}
