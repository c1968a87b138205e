/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Is an archive sound? Every rule of base/rule.h is asked, and what breaks it is told with the
 * entry and the byte: structure (directory, local headers, gaps, order), data (CRC-32 of every
 * entry) and metadata (zarr.json, chunk keys, shard indices).
 *
 * The archive is opened as a mount opens it. What a mount refuses is the one finding of its rule,
 * and nothing else of the archive is looked at.
 */
#ifndef OZX_VERIFY_VERIFY_H
#define OZX_VERIFY_VERIFY_H

#include <signal.h>
#include <stdbool.h>

#include "io/source.h"
#include "verify/manifest.h"

#define OZX_FINDINGS_MAX 1000 /* kept of one rule, those first in the file; more are counted */

/* All texts are escaped: one line, harmless on a terminal. */
struct ozx_finding {
    enum ozx_verdict verdict;
    const char *entry;     /* its path; NULL if it is about the archive */
    uint64_t offset_bytes; /* where to look; OZX_OFFSET_NONE */
    const char *text;
    const char *hint; /* what to do, "" */
};

struct ozx_rule_report {
    enum ozx_rule rule;
    enum ozx_verdict verdict; /* the worst of its findings */
    bool checked;             /* false: left out, by `quick` or because the archive was refused */
    uint64_t count;           /* of all findings */
    const struct ozx_finding *findings; /* the first of them, in the order of the file */
    size_t kept;
    const char *note;    /* what could not be judged, and why; escaped; NULL */
    uint64_t note_count; /* of all that there is to note */
};

struct ozx_verify_report {
    const struct ozx_rule_report *rules; /* all, in the order of the table */
    size_t rule_count;
    enum ozx_verdict verdict; /* the worst of all */
    enum ozx_rule_set rule_set;
    bool quick;
    bool refused;                     /* a mount refuses it */
    uint64_t size_bytes, entry_count; /* 0 entries if it was refused */
};

/* How far it is; totals are 0 as long as they are not known. */
struct ozx_verify_progress {
    const char *phase; /* static: "checking data" */
    uint64_t entries, entries_total, data_bytes, data_bytes_total;
};

struct ozx_verify_options {
    enum ozx_rule_set rule_set;
    bool quick;       /* leave out what needs the data of entries: CRC-32, shard indices */
    unsigned threads; /* 0: one for each processor */
    const char *name; /* of the file, for the rule `extension`; NULL: not asked */
    enum ozx_manifest_format manifest;   /* not NONE: digests are made, not with `quick` */
    const volatile sig_atomic_t *cancel; /* non-zero: stop with -EINTR; may be NULL */
    void *context;
    void (*progress)(void *context, const struct ozx_verify_progress *progress); /* may be NULL */
    /* At the end, on the calling thread, unless the archive was refused: what the manifest says. 0,
     * or the code of the error. */
    int (*manifest_made)(void *context, const struct ozx_manifest *manifest,
                         struct ozx_error *error);
};

/* Takes `source`, whatever comes of it. 0: judged, see the report, which the caller frees; else the
 * archive could not be read (-EIO, -ESTALE: it changed meanwhile, -ENOMEM, -EINTR). */
int ozx_verify(struct ozx_source *source, const struct ozx_verify_options *options,
               struct ozx_verify_report **out, struct ozx_error *error) OZX_CHECKED;
void ozx_verify_report_free(struct ozx_verify_report *report); /* NULL is fine */

/* One file of several: its report, or the error that kept it from having one. */
struct ozx_verify_result {
    const char *file; /* as given; any bytes */
    struct ozx_verify_report *report;
    struct ozx_error error; /* if report is NULL */
    int exit_status;
};

/* Of the JSON of all files (ozxfs-verify(1), JSON OUTPUT): what comes before the first, the object
 * of one, indented, without a newline at its end, and what comes behind the last of `count`.
 * Objects are separated by OZX_VERIFY_JSON_SEPARATOR. The caller frees `*text`. -ENOMEM. */
#define OZX_VERIFY_JSON_START "{\n  \"schema\": 1,\n  \"files\": ["
#define OZX_VERIFY_JSON_SEPARATOR ","
#define OZX_VERIFY_JSON_END "\n  ]\n}\n"
int ozx_verify_json(const struct ozx_verify_result *result, char **text) OZX_CHECKED;

#endif
