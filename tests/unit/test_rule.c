/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of rules is whole: every id of RFC-9 (rfc9.md) and of the policy table (design.md),
 * with its level and verdict, and the ids of the metadata, each once and in this order.
 */
#include "base/rule.h"
#include "check.h"

#define MUST OZX_LEVEL_MUST
#define SHOULD OZX_LEVEL_SHOULD
#define MAY OZX_LEVEL_MAY
#define POLICY OZX_LEVEL_POLICY
#define METADATA OZX_LEVEL_METADATA

/* Written down a second time, from the documents and not from the table. */
static const struct {
    const char *id;
    enum ozx_rule_level level;
    const char *verdict;
} wanted[] = {
    {"root-zarr-json", MUST, "fail"}, {"one-hierarchy", MUST, "fail"},
    {"no-nesting", MUST, "fail"},     {"single-part", MUST, "fail"},
    {"zip64", SHOULD, "warn"},        {"stored", SHOULD, "warn"},
    {"sharding", SHOULD, "warn"},     {"json-first", SHOULD, "fail"},
    {"extension", SHOULD, "warn"},    {"comment", SHOULD, "warn"},
    {"comment-flag", MAY, "warn"},    {"extra-fields", MUST, "fail"},
    {"comment-keys", SHOULD, "warn"}, {"no-end", POLICY, "fail"},
    {"tail-fit", POLICY, "fail"},     {"tail-padding", POLICY, "warn"},
    {"leading", POLICY, "warn"},      {"gap", POLICY, "warn"},
    {"count", POLICY, "fail"},        {"disks", POLICY, "fail"},
    {"zip64-tail", POLICY, "fail"},   {"zip64-extra", POLICY, "fail"},
    {"extra-odd", POLICY, "warn"},    {"bounds", POLICY, "fail"},
    {"overlap", POLICY, "fail"},      {"name", POLICY, "fail"},
    {"name-charset", POLICY, "warn"}, {"conflict", POLICY, "fail"},
    {"duplicate", POLICY, "fail"},    {"encrypted", POLICY, "fail"},
    {"method", POLICY, "fail"},       {"special", POLICY, "fail"},
    {"local", POLICY, "fail"},        {"compressed", POLICY, "warn"},
    {"descriptor", POLICY, "warn"},   {"attributes", POLICY, "ok"},
    {"no-root", POLICY, "fail"},      {"nested", POLICY, "fail"},
    {"case", POLICY, "warn"},         {"changed", POLICY, "ok"},
    {"crc", POLICY, "fail"},          {"zarr-json", METADATA, "fail"},
    {"ome-block", METADATA, "warn"},  {"ome-path", METADATA, "fail"},
    {"consolidated", METADATA, "fail"},
    {"chunk-key", METADATA, "warn"},  {"shard-index", METADATA, "warn"},
};

#define WANTED (sizeof wanted / sizeof wanted[0])

static void test_complete(void)
{
    CHECK_UINT(OZX_RULE_END - 1, WANTED);
    for (size_t i = 0; i < WANTED && i + 1 < OZX_RULE_END; i++) {
        const struct ozx_rule_info *rule = ozx_rule_info((enum ozx_rule)(i + 1));
        CHECK_STRING(rule->id, wanted[i].id);
        CHECK_UINT(rule->level, wanted[i].level);
        CHECK_STRING(ozx_verdict_name(rule->verdict), wanted[i].verdict);
    }
}

static void test_well_formed(void)
{
    for (enum ozx_rule i = 1; i < OZX_RULE_END; i++) {
        const struct ozx_rule_info *rule = ozx_rule_info(i);
        CHECK(rule->text[0] && !strpbrk(rule->text, "\n\t"));
        CHECK(rule->id[0] &&
              strspn(rule->id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(rule->id));
        for (enum ozx_rule k = 1; k < i; k++)
            CHECK(strcmp(ozx_rule_id(k), rule->id) != 0);
    }
}

/* A process that is not trusted sends numbers. */
static void test_no_rule(void)
{
    static const unsigned numbers[] = {OZX_RULE_NONE, OZX_RULE_END, OZX_RULE_END + 1, 1000000,
                                       UINT32_MAX};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        CHECK_STRING(ozx_rule_id((enum ozx_rule)numbers[i]), "");
}

static void test_names(void)
{
    CHECK_STRING(ozx_level_name(MUST), "MUST");
    CHECK_STRING(ozx_level_name(SHOULD), "SHOULD");
    CHECK_STRING(ozx_level_name(MAY), "MAY");
    CHECK_STRING(ozx_level_name(POLICY), "policy");
    CHECK_STRING(ozx_level_name(METADATA), "metadata");
}

CHECK_MAIN({"complete", test_complete}, {"well-formed", test_well_formed},
           {"no-rule", test_no_rule}, {"names", test_names})
