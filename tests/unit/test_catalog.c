/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mount/many: the catalog, whose numbers and listings must be right while others add and remove;
 * and the gates of archives that are opened when somebody enters, no more at a time than may be.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "forge.h"
#include "mount/gate_state.h"
#include "mount/many/catalog.h"

#define MANY 3000
#define OPEN_MAX 5

static struct ozx_catalog *open_catalog(void)
{
    const struct ozx_item root = {.mode = 0555};
    struct ozx_catalog *catalog;

    if (ozx_catalog_open(&root, &catalog))
        abort();
    return catalog;
}

static int add(struct ozx_catalog *catalog, uint32_t number, uint32_t parent, const char *name,
               enum ozx_item_kind kind)
{
    const struct ozx_item item = {.number = number, .parent = parent, .kind = kind};

    return ozx_catalog_add(catalog, &item, name, name, NULL);
}

static bool collect(void *context, const struct ozx_item *item, const char *name)
{
    uint32_t *last = context;

    CHECK(item->number > *last && name[0]);
    *last = item->number;
    return item->number % 100 != 0; /* a buffer that is full */
}

static void test_listing(void)
{
    struct ozx_catalog *catalog = open_catalog();
    struct ozx_catalog_name gone;
    struct ozx_catalog_sum sum;
    uint32_t last = 0, before;
    char name[16];

    for (uint32_t i = 1; i <= MANY; i++) {
        snprintf(name, sizeof name, "%u", (unsigned)i);
        CHECK_INT(add(catalog, i, 0, name, OZX_ITEM_ARCHIVE), 0);
    }
    do { /* each number once, in order, whatever goes and comes meanwhile */
        before = last;
        ozx_catalog_list(catalog, 0, last, false, collect, &last);
        if (before % 700 == 0 && before + 50 <= MANY)
            CHECK(ozx_catalog_remove(catalog, before + 50, &gone));
    } while (last != before);
    CHECK_UINT(last, MANY);
    ozx_catalog_sum(catalog, &sum);
    CHECK_UINT(sum.item_count, MANY + 1 - 5);
    ozx_catalog_close(catalog);
}

static int replace(struct ozx_catalog *catalog, uint32_t old, uint32_t number, const char *name,
                   bool *removed, struct ozx_catalog_name *gone)
{
    const struct ozx_item item = {.number = number, .parent = 2, .kind = OZX_ITEM_FILE};

    return ozx_catalog_replace(catalog, old, &item, name, name, NULL, removed, gone);
}

static void test_names_and_numbers(void)
{
    struct ozx_catalog *catalog = open_catalog();
    struct ozx_catalog_name gone;
    struct ozx_item item;
    char text[OZX_ESCAPED_SIZE];
    bool removed;

    CHECK_INT(add(catalog, 1, 0, "sub", OZX_ITEM_DIRECTORY), 0);
    CHECK_INT(add(catalog, 2, 1, "deep", OZX_ITEM_DIRECTORY), 0);
    CHECK_INT(add(catalog, 3, 2, "x", OZX_ITEM_FILE), 0);
    CHECK_INT(add(catalog, 4, 2, "x", OZX_ITEM_FILE), -EEXIST);
    CHECK_INT(add(catalog, 3, 2, "y", OZX_ITEM_FILE), -EEXIST);
    CHECK_INT(add(catalog, 2, 2, "y", OZX_ITEM_FILE), -EEXIST);
    CHECK_INT(add(catalog, 5, 3, "y", OZX_ITEM_FILE), -ENOENT);
    CHECK_INT(add(catalog, 5, 9, "y", OZX_ITEM_FILE), -ENOENT);
    CHECK_STRING(ozx_catalog_describe(catalog, 3, text), "sub/deep/x");
    CHECK(ozx_catalog_lookup(catalog, 2, "x", 1, &item) && item.number == 3);
    CHECK(!ozx_catalog_lookup(catalog, 0, "", 0, &item));
    CHECK(ozx_catalog_is_news(catalog, 3, OZX_RULE_CRC) &&
          !ozx_catalog_is_news(catalog, 3, OZX_RULE_CRC));
    CHECK_INT(replace(catalog, 3, 6, "x", &removed, &gone), 0);
    CHECK(removed && gone.directory == 2 && strcmp(gone.name, "x") == 0);
    CHECK(ozx_catalog_lookup(catalog, 2, "x", 1, &item) && item.number == 6);
    CHECK(!ozx_catalog_item(catalog, 3, &item));
    CHECK_INT(replace(catalog, 3, 7, "x", &removed, &gone), -EEXIST); /* of 6, which stays */
    CHECK(!removed && ozx_catalog_item(catalog, 6, &item));
    CHECK(ozx_catalog_remove(catalog, 1, &gone));
    CHECK_UINT(gone.directory, 0);
    CHECK_STRING(gone.name, "sub");
    for (uint32_t number = 1; number <= 7; number++)
        CHECK(!ozx_catalog_item(catalog, number, &item));
    CHECK(!ozx_catalog_remove(catalog, 0, &gone));
    ozx_catalog_close(catalog);
}

/* --- gates ------------------------------------------------------------------------------------ */

static int file = -1;
static unsigned opened, first_times;

static int open_file(void *context, uint32_t number, struct ozx_source **out,
                     struct ozx_error *error)
{
    (void)context;
    opened++;
    if (number == 999)
        return ozx_error_set(error, -ESTALE, OZX_RULE_CHANGED, OZX_OFFSET_NONE, NULL, "gone");
    return ozx_source_open_fd(dup(file), out);
}

static void on_opened(void *context, uint32_t number, struct ozx_archive *archive)
{
    (void)context, (void)number, (void)archive;
    first_times++;
}

static struct ozx_gates *open_gates(void)
{
    const struct ozx_gates_options options = {.idle_ms = 1000000,
                                              .open_max = OPEN_MAX,
                                              .nodes_max = 1000,
                                              .opener = {.open = open_file, .opened = on_opened}};
    struct forge f = {0};
    struct ozx_gates *gates;

    forge_text(&f, "zarr.json", "{\"zarr_format\":3}");
    forge_end(&f, true, "{\"ome\":{\"version\":\"0.5\"}}");
    file = memfd_create("archive", MFD_CLOEXEC);
    if (file < 0 || pwrite(file, f.data, f.size_bytes, 0) != (ssize_t)f.size_bytes ||
        ozx_gates_open(&options, &gates))
        abort();
    forge_free(&f);
    opened = first_times = 0;
    return gates;
}

static bool enter(struct ozx_gate *gate)
{
    struct ozx_error error = OZX_ERROR_INIT;

    if (!ozx_gate_enter(gate, &error))
        return false;
    ozx_gate_leave(gate);
    return true;
}

static void test_no_more_than_may_be(void)
{
    struct ozx_gates *gates = open_gates();
    struct ozx_gate *all[20];

    for (uint32_t i = 0; i < 20; i++)
        CHECK_INT(ozx_gate_open_closed(gates, i, &all[i]), 0);
    CHECK_UINT(gates->open_count, 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            CHECK(enter(all[i]));
            CHECK(gates->open_count <= OPEN_MAX);
            CHECK(enter(all[0])); /* used all the time: it stays */
        }
    }
    CHECK_UINT(first_times, 20);
    CHECK_UINT(opened, 1 + 3 * 19);
    for (int i = 0; i < 20; i++)
        ozx_gate_close(all[i]);
    CHECK_UINT(gates->open_count, 0);
    ozx_gates_close(gates);
    close(file);
}

static void test_gone(void)
{
    struct ozx_gates *gates = open_gates();
    struct ozx_gate *gate;

    CHECK_INT(ozx_gate_open_closed(gates, 999, &gate), 0);
    CHECK(!enter(gate));
    CHECK(!enter(gate));
    CHECK_UINT(gates->open_count, 0);
    ozx_gate_close(gate);
    ozx_gates_close(gates);
    close(file);
}

/* An archive that was removed goes with the last that the kernel holds of it. */
static void test_held(void)
{
    const struct ozx_item item = {.number = 7, .kind = OZX_ITEM_ARCHIVE};
    struct ozx_catalog *catalog = open_catalog();
    struct ozx_gates *gates = open_gates();
    struct ozx_catalog_name gone;
    struct ozx_gate *gate;
    struct ozx_item found;

    CHECK_INT(ozx_gate_open_closed(gates, 7, &gate), 0);
    CHECK_INT(ozx_catalog_add(catalog, &item, "x", "x", gate), 0);
    CHECK(ozx_catalog_lookup(catalog, 0, "x", 1, &found));
    ozx_catalog_hold(catalog, 7, 2);
    CHECK(enter(gate));
    CHECK(ozx_catalog_remove(catalog, 7, &gone) && !ozx_catalog_remove(catalog, 7, &gone));
    CHECK(!ozx_catalog_lookup(catalog, 0, "x", 1, &found));
    ozx_catalog_forget(catalog, 7, 2);
    CHECK(ozx_catalog_archive(catalog, 7, &found) == gate && enter(gate));
    ozx_catalog_forget(catalog, 7, 1);
    CHECK(ozx_catalog_archive(catalog, 7, &found) == NULL);
    CHECK_UINT(gates->open_count, 0);
    ozx_catalog_close(catalog);
    ozx_gates_close(gates);
    close(file);
}

CHECK_MAIN({"listing", test_listing}, {"names-and-numbers", test_names_and_numbers},
           {"no-more-than-may-be", test_no_more_than_may_be}, {"gone", test_gone},
           {"held", test_held})
