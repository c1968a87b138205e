/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What stands above the archives where a mount shows many: directories, archives (each the root of
 * its own tree) and, if they are wanted, other files. In the forest it has archive number 0, and
 * its items' numbers are nodes there; an archive's item has the number of the archive:
 *
 *     directory, file     0 << 32 | number        the mount's root: number 0
 *     archive             number << 32 | node     its root: node 0
 *
 * A number is never used twice: what a name stands for now and what it stood for before are two
 * items. An item is only added and removed, never changed. An archive that is removed while the
 * kernel holds something of it is found by its number until that is given back: who is in it stays
 * in it.
 *
 * Threads: any, but a listing's callback must not call back. Nothing waits for a disk here.
 */
#ifndef OZX_MOUNT_MANY_CATALOG_H
#define OZX_MOUNT_MANY_CATALOG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "mount/gate.h"

struct ozx_catalog;

#define OZX_CATALOG_ROOT 0

enum ozx_item_kind { OZX_ITEM_DIRECTORY = 1, OZX_ITEM_ARCHIVE, OZX_ITEM_FILE };

struct ozx_item {
    uint32_t number, parent;
    enum ozx_item_kind kind;
    uid_t uid;
    gid_t gid;
    mode_t mode; /* permission bits: of a file or directory, or of all an archive's directories */
    mode_t file_mode;    /* of all an archive's files */
    uint64_t size_bytes; /* of a file, or of the archive's file */
    struct timespec mtime;
};

/* The root is the caller's to describe: number, parent and kind are set. */
int ozx_catalog_open(const struct ozx_item *root, struct ozx_catalog **out) OZX_CHECKED;
/* Closes the gates, too. Nobody is inside any more. NULL is fine. */
void ozx_catalog_close(struct ozx_catalog *catalog);

/* Puts it at the end of its parent, a directory of the catalog. `name`: in the mount, not taken
 * yet; `file`: what messages call it. `gate`: of an archive; owned from success on. -ENOMEM;
 * -EEXIST, -ENOENT: not as said above. */
int ozx_catalog_add(struct ozx_catalog *catalog, const struct ozx_item *item, const char *name,
                    const char *file, struct ozx_gate *gate) OZX_CHECKED;

/* False: there is none of this number, or of this name in the directory. */
bool ozx_catalog_item(struct ozx_catalog *catalog, uint32_t number, struct ozx_item *out);
bool ozx_catalog_lookup(struct ozx_catalog *catalog, uint32_t directory, const char *name,
                        size_t name_size_bytes, struct ozx_item *out);

/* The items of a directory in the order of their numbers, behind `after` (0: all), until `see` says
 * false. `hold`: what it says true to is given to the kernel. */
void ozx_catalog_list(struct ozx_catalog *catalog, uint32_t directory, uint32_t after, bool hold,
                      bool (*see)(void *context, const struct ozx_item *item, const char *name),
                      void *context);

/* The kernel was given something of an archive (a lookup does so by itself); it gives back so many.
 */
void ozx_catalog_hold(struct ozx_catalog *catalog, uint32_t number, uint64_t times);
void ozx_catalog_forget(struct ozx_catalog *catalog, uint32_t number, uint64_t times);

/* What was removed, for who has to be told. */
struct ozx_catalog_name {
    uint32_t directory;
    char name[NAME_MAX + 1];
};

/* Removes an item, and all that is below it. False: there is none of this number. */
bool ozx_catalog_remove(struct ozx_catalog *catalog, uint32_t number, struct ozx_catalog_name *out);

/* Both at once, so that nobody finds neither: removes the item of number `old`, if there is one
 * (`out` is set, and *removed true), and adds the other. What fails of ozx_catalog_add leaves the
 * removal done. */
int ozx_catalog_replace(struct ozx_catalog *catalog, uint32_t old, const struct ozx_item *item,
                        const char *name, const char *file, struct ozx_gate *gate, bool *removed,
                        struct ozx_catalog_name *out) OZX_CHECKED;

/* The archives that are removed and held, up to `max` of them; their count. */
size_t ozx_catalog_held(struct ozx_catalog *catalog, uint32_t *numbers, size_t max);

/* Whether all that is in a directory was added: what is not said is false. */
bool ozx_catalog_is_listed(struct ozx_catalog *catalog, uint32_t directory);
void ozx_catalog_set_listed(struct ozx_catalog *catalog, uint32_t directory);

/* The way to an archive, and its item; NULL: there is none of this number. */
struct ozx_gate *ozx_catalog_archive(struct ozx_catalog *catalog, uint32_t number,
                                     struct ozx_item *out) OZX_CHECKED;

/* What messages call the item: its file, below that of its directory. Returns `text`, escaped; ""
 * if there is no such item. */
const char *ozx_catalog_describe(struct ozx_catalog *catalog, uint32_t number,
                                 char text[OZX_ESCAPED_SIZE]);

/* True the first time that it is asked for this archive and rule. */
bool ozx_catalog_is_news(struct ozx_catalog *catalog, uint32_t number, enum ozx_rule rule);

struct ozx_catalog_sum {
    uint64_t item_count, size_bytes;
};
void ozx_catalog_sum(struct ozx_catalog *catalog, struct ozx_catalog_sum *out);

#endif
