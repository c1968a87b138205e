/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `ozxfs mounts`: what is mounted where.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "info/json_stream.h"
#include "info/listing.h"
#include "mount/mounts.h"
#include "mount/state.h"
#include "zarr/jansson.h"

#define USER_SIZE 40
#define NONE "-" /* what is not known */

struct command {
    bool json;
    struct ozx_json_stream list;
};

/* One mount, and what it has answered. */
struct mounted {
    const struct ozx_mount_entry *entry;
    struct ozx_mount_owner owner;
    enum ozx_mount_condition condition;
    struct ozx_mount_state state;
    bool counted;
};

static const char *condition_name(enum ozx_mount_condition condition)
{
    static const char *const names[] = {
        [OZX_MOUNT_SERVING] = "serving", [OZX_MOUNT_FAILED] = "error",
        [OZX_MOUNT_CHANGED] = "changed", [OZX_MOUNT_DEAD] = "dead",
        [OZX_MOUNT_SILENT] = "silent",   [OZX_MOUNT_HIDDEN] = "hidden",
    };

    return names[condition];
}

/* Why, in one sentence; NULL if there is nothing to say. */
static const char *detail_of(const struct mounted *m)
{
    if (m->state.text[0])
        return m->state.text;
    switch (m->condition) {
    case OZX_MOUNT_CHANGED:
        return "the archive was changed or replaced; unmount it, and mount it again";
    case OZX_MOUNT_DEAD:
        return "its daemon is gone; remove it with 'ozxfs umount'";
    case OZX_MOUNT_SILENT:
        return "no answer within a second";
    default:
        return NULL;
    }
}

static const char *user_name(uid_t uid, char text[USER_SIZE])
{
    const struct passwd *user = getpwuid(uid);

    if (user)
        ozx_escape(text, USER_SIZE, user->pw_name, strlen(user->pw_name));
    else
        snprintf(text, USER_SIZE, "%u", (unsigned)uid);
    return text;
}

/* Names are escaped wherever it goes: a mount point of somebody else's, with a newline in its name,
 * must not make a row of its own. */
static void print_row(const struct mounted *m)
{
    char since[32] = NONE, user[USER_SIZE], requests[24] = NONE, amount[OZX_AMOUNT_SIZE] = NONE;
    char text[OZX_MOUNT_STATE_TEXT_SIZE];
    const time_t began = (time_t)m->owner.since_s;
    const char *detail = detail_of(m);
    struct tm local;

    if (began && localtime_r(&began, &local))
        strftime(since, sizeof since, "%Y-%m-%d %H:%M", &local);
    if (m->counted) {
        snprintf(requests, sizeof requests, "%" PRIu64, m->state.requests);
        ozx_progress_amount(amount, (double)m->state.read_bytes);
    }
    printf("%-8s %-16s %-10s %10s %10s  ", condition_name(m->condition), since,
           user_name(m->owner.user, user), requests, amount);
    ozx_terminal_put_name(true, m->entry->source);
    fputs(" on ", stdout);
    ozx_terminal_put_name(true, m->entry->path);
    putchar('\n');
    if (detail)
        printf("         %s\n", ozx_escape_message(text, sizeof text, detail));
}

static void add_object(struct ozx_json_stream *s, const struct mounted *m)
{
    char since[OZX_TIME_SIZE], user[USER_SIZE];

    ozx_json_stream_open(s, NULL, '{');
    ozx_json_stream_put(s, "file", ozx_jansson_file_name(m->entry->source));
    ozx_json_stream_put(s, "mount_point", ozx_jansson_file_name(m->entry->path));
    ozx_json_stream_put(s, "subdir",
                        ozx_jansson_file_name(m->state.subdir[0] ? m->state.subdir : NULL));
    ozx_json_stream_put(
        s, "backend", ozx_json_stream_text(ozx_mount_entry_is_fuse(m->entry) ? "fuse" : "kernel"));
    ozx_json_stream_put(s, "user", ozx_json_stream_text(user_name(m->owner.user, user)));
    ozx_json_stream_put(s, "uid", ozx_json_stream_number(m->owner.user));
    ozx_json_stream_put(
        s, "since",
        ozx_json_stream_text(m->owner.since_s ? ozx_time_utc(m->owner.since_s, since) : NULL));
    ozx_json_stream_put(s, "supervisor",
                        m->owner.supervisor ? ozx_json_stream_number((uint64_t)m->owner.supervisor)
                                            : ozx_json_stream_text(NULL));
    ozx_json_stream_put(s, "requests",
                        m->counted ? ozx_json_stream_number(m->state.requests)
                                   : ozx_json_stream_text(NULL));
    ozx_json_stream_put(s, "read_bytes",
                        m->counted ? ozx_json_stream_number(m->state.read_bytes)
                                   : ozx_json_stream_text(NULL));
    ozx_json_stream_put(s, "state", ozx_json_stream_text(condition_name(m->condition)));
    ozx_json_stream_put(s, "detail", ozx_json_stream_text(detail_of(m)));
    ozx_json_stream_close(s, '}');
}

static void tell(struct command *c, const struct ozx_mount_entry *entry)
{
    struct mounted m = {.entry = entry};

    ozx_mounts_owner(entry, &m.owner);
    m.condition = ozx_mount_ask(entry, &m.state, &m.counted);
    if (c->json)
        add_object(&c->list, &m);
    else
        print_row(&m);
}

static int list(struct command *c)
{
    OZX_AUTO_MOUNTINFO struct ozx_mountinfo info = {0};
    OZX_AUTO_FREE const struct ozx_mount_entry **entries = NULL;
    size_t count;
    int failure = ozx_mounts_find(OZX_MOUNTS_OF_ALL, NULL, &info, &entries, &count);

    if (failure)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "cannot read /proc/self/mountinfo: %s",
                          strerror(-failure));
    if (c->json) {
        ozx_json_stream_open(&c->list, NULL, '{');
        ozx_json_stream_open(&c->list, "mounts", '[');
    } else if (count) {
        printf("%-8s %-16s %-10s %10s %10s  %s\n", "STATE", "SINCE", "USER", "REQUESTS", "READ",
               "ARCHIVE");
    }
    for (size_t i = count; i > 0; i--) {
        fflush(stdout); /* or the child that asks would have it, too */
        tell(c, entries[i - 1]);
    }
    if (c->json) {
        ozx_json_stream_close(&c->list, ']');
        ozx_json_stream_close(&c->list, '}');
        putchar('\n');
    }
    if (c->list.failed)
        return ozx_report(OZX_EXIT_SYSTEM, NULL, "out of memory");
    return ozx_report_stdout(OZX_EXIT_OK);
}

static const struct ozx_option rows[] = {
    {.name = "json", .help = "print JSON", .field = offsetof(struct command, json)},
};

static const struct ozx_verb verb = {
    .name = "mounts",
    .usage = "[--json]",
    .about = "Lists the mounts of ozxfs that are visible from here: their state, since when, by "
             "whom,\n"
             "how many requests were answered and how much was read, archive and directory.",
    OZX_OPTIONS(rows)};

int ozx_cmd_mounts(int argc, char **argv, const struct ozx_remote_urls *urls)
{
    (void)urls;
    struct command command = {.list = {.out = stdout, .is_first = true}};
    int first, status = ozx_options_parse(&verb, &command, argc, argv, &first);

    if (status >= 0)
        return status;
    if (first < argc)
        return ozx_report_usage("mounts", "no argument is expected");
    return list(&command);
}
