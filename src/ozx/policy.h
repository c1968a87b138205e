/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules that an archive is judged by, as one table: RFC-9's (rfc9.md), the policy's for every
 * case of a ZIP that could be read in two ways or not at all, and those of the metadata inside. The
 * ids are stable: messages, `verify` and its JSON name them.
 */
#ifndef OZX_OZX_POLICY_H
#define OZX_OZX_POLICY_H

#include <stddef.h>

enum ozx_rule_level {
    OZX_LEVEL_MUST, /* of RFC-9, as are the next two */
    OZX_LEVEL_SHOULD,
    OZX_LEVEL_MAY,
    OZX_LEVEL_POLICY,   /* what a reader of ZIP files may rely on */
    OZX_LEVEL_METADATA, /* Zarr v3 and OME-Zarr */
};

enum ozx_verdict {
    OZX_VERDICT_OK,
    OZX_VERDICT_WARN,
    OZX_VERDICT_FAIL,
};

struct ozx_rule {
    const char *id;
    enum ozx_rule_level level;
    enum ozx_verdict verdict; /* the worst that breaking it comes to; OK: it is never reported */
    const char *text;         /* what is asked, in one line */
};

/* All of them, RFC-9's first; static. */
const struct ozx_rule *ozx_rules(size_t *count);

/* NULL if there is no such rule. */
const struct ozx_rule *ozx_rule_find(const char *id);

/* "MUST", "SHOULD", "MAY", "policy", "metadata" */
const char *ozx_level_name(enum ozx_rule_level level);

/* "ok", "warn", "fail" */
const char *ozx_verdict_name(enum ozx_verdict verdict);

#endif
