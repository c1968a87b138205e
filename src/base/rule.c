/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of rules, as data.
 */
#include "base/rule.h"

const struct ozx_rule_info *ozx_rule_info(enum ozx_rule rule)
{
    static const struct ozx_rule_info rules[OZX_RULE_END] = {
        [OZX_RULE_NONE] = {.id = "", .text = ""},
#define ROW(name, rule_id, rule_level, worst, asked)                                               \
    [OZX_RULE_##name] = {.id = (rule_id),                                                          \
                         .level = OZX_LEVEL_##rule_level,                                          \
                         .verdict = OZX_VERDICT_##worst,                                           \
                         .text = (asked)},
        OZX_RULES(ROW)
#undef ROW
    };

    return &rules[(unsigned)rule < OZX_RULE_END ? rule : OZX_RULE_NONE];
}

const struct ozx_rule_info *ozx_rule_info_in(enum ozx_rule_set set, enum ozx_rule rule)
{
    static const struct ozx_rule_info stored = {"stored", OZX_LEVEL_MUST, OZX_VERDICT_FAIL,
                                                "no entry is compressed by the ZIP"},
                                      leading = {"leading", OZX_LEVEL_MUST, OZX_VERDICT_FAIL,
                                                 "the first local header is at offset 0"},
                                      encrypted = {"encrypted", OZX_LEVEL_MUST, OZX_VERDICT_FAIL,
                                                   "no entry is encrypted"},
                                      duplicate = {"duplicate", OZX_LEVEL_SHOULD, OZX_VERDICT_FAIL,
                                                   "no name appears twice"},
                                      zip64 = {"zip64", OZX_LEVEL_SHOULD, OZX_VERDICT_WARN,
                                               "ZIP64 end record and locator"};

    if (set == OZX_RULES_R2)
        return ozx_rule_info(rule);
    return rule == OZX_RULE_STORED      ? &stored
           : rule == OZX_RULE_LEADING   ? &leading
           : rule == OZX_RULE_ENCRYPTED ? &encrypted
           : rule == OZX_RULE_DUPLICATE ? &duplicate
           : rule == OZX_RULE_ZIP64     ? &zip64
                                        : ozx_rule_info(rule);
}

const char *ozx_level_name(enum ozx_rule_level level)
{
    static const char *const names[] = {"MUST", "SHOULD", "MAY", "policy", "metadata"};

    return names[level];
}

const char *ozx_verdict_name(enum ozx_verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "fail"};

    return names[verdict];
}
