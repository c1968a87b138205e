/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of an answer with keys in it, and of the headers that are made of them, nothing is left in memory
 * that was given back. free() is wrapped.
 */
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/digest.h"
#include "check.h"
#include "fetch/s3.h"

#define SECRET "GEHEIM-0123456789"
#define ANSWER "{\"SecretAccessKey\": \"" SECRET "\", \"Nested\": [\"" SECRET "\"]}"

static unsigned given_back, with_secret;

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
    if (block) {
        given_back++;
        with_secret += memmem(block, malloc_usable_size(block), SECRET, strlen(SECRET)) != NULL;
    }
    __real_free(block);
}

static const char *environment(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0 ? "http://127.0.0.1/keys" : NULL;
}

static void test_answers_are_wiped(void)
{
    const struct ozx_aws aws = {.environment = environment};
    struct ozx_role role = OZX_ROLE_INIT;
    struct ozx_error error;
    json_t *answer;

    CHECK_INT(ozx_role_open(&role, &aws, false, &error), 0);
    given_back = with_secret = 0;
    answer = json_loads(ANSWER, 0, NULL);
    CHECK(answer != NULL);
    json_decref(answer);
    CHECK(given_back >= 4); /* by the role's own function, and not by jansson's */
    CHECK_UINT(with_secret, 0);
    ozx_role_close(&role);
}

static void test_headers_are_wiped(void)
{
    char key_id[] = "AKIA", secret[] = "secret", token[] = SECRET, none[] = "", host[] = "a",
         path[] = "/";
    const struct ozx_s3 s3 = {.aws = {.key_id = key_id, .secret = secret, .token = token},
                              .region = "us-east-1",
                              .host = host,
                              .path = path,
                              .query = none};
    struct curl_slist *headers = NULL;

    if (!ozx_digest_is_there())
        return;
    given_back = with_secret = 0;
    CHECK_INT(ozx_s3_headers(&s3, 0, &headers), 0);
    CHECK(given_back >= 5);
    CHECK_UINT(with_secret, 0);
    curl_slist_free_all(headers);
}

CHECK_MAIN({"answers are wiped", test_answers_are_wiped},
           {"headers are wiped", test_headers_are_wiped})
