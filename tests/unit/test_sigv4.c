/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Signatures: the requests of AWS's documentation, with the signatures that it gives for them.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (the first four)
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html (its suite: others)
 */
#include "base/digest.h"
#include "check.h"
#include "fetch/s3.h"
#include "fetch/sigv4.h"

#define S3_DATE "20130524T000000Z"
#define SUITE_DATE "20150830T123600Z"

struct vector {
    const char *method, *path, *query, *body_hash;
    struct ozx_sigv4_header headers[6];
    const char *signature;
    bool is_suite;
};

static const struct vector vectors[] = {
    {"GET",
     "/test.txt",
     "",
     OZX_SIGV4_EMPTY,
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"range", "bytes=0-9"},
      {"x-amz-content-sha256", OZX_SIGV4_EMPTY},
      {"x-amz-date", S3_DATE}},
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
     false},
    {"PUT",
     "/test%24file.text",
     "",
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
      {"x-amz-date", S3_DATE},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
     false},
    {"GET",
     "/",
     "lifecycle=",
     OZX_SIGV4_EMPTY,
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", OZX_SIGV4_EMPTY},
      {"x-amz-date", S3_DATE}},
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
     false},
    {"GET",
     "/",
     "max-keys=2&prefix=J",
     OZX_SIGV4_EMPTY,
     {{"host", "examplebucket.s3.amazonaws.com"},
      {"x-amz-content-sha256", OZX_SIGV4_EMPTY},
      {"x-amz-date", S3_DATE}},
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
     false},
    {"GET",
     "/",
     "",
     OZX_SIGV4_EMPTY,
     {{"host", "example.amazonaws.com"}, {"x-amz-date", SUITE_DATE}},
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
     true},
    {"POST",
     "/",
     "",
     OZX_SIGV4_EMPTY,
     {{"host", "example.amazonaws.com"}, {"x-amz-date", SUITE_DATE}},
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
     true},
    {"GET",
     "/",
     "Param1=value1&Param2=value2",
     OZX_SIGV4_EMPTY,
     {{"host", "example.amazonaws.com"}, {"x-amz-date", SUITE_DATE}},
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
     true},
};

static void test_vectors(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        struct ozx_sigv4 request = {.key_id = v->is_suite ? "AKIDEXAMPLE" : "AKIAIOSFODNN7EXAMPLE",
                                    .secret = v->is_suite
                                                  ? "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
                                                  : "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                    .region = "us-east-1",
                                    .service = v->is_suite ? "service" : "s3",
                                    .date = v->is_suite ? SUITE_DATE : S3_DATE,
                                    .method = v->method,
                                    .path = v->path,
                                    .query = v->query,
                                    .headers = v->headers,
                                    .body_hash = v->body_hash};
        OZX_AUTO_FREE char *out = NULL;
        const char *equals;

        while (v->headers[request.header_count].name)
            request.header_count++;
        CHECK(ozx_sigv4_sign(&request, &out) == 0);
        equals = out ? strstr(out, "Signature=") : NULL;
        CHECK(equals && strcmp(equals + strlen("Signature="), v->signature) == 0);
        CHECK(out && strncmp(out, "AWS4-HMAC-SHA256 Credential=AKI", 31) == 0);
    }
}

static void test_header(void)
{
    const struct ozx_sigv4_header headers[] = {{"host", "h"}, {"x-amz-date", S3_DATE}};
    const struct ozx_sigv4 request = {.key_id = "ID",
                                      .secret = "",
                                      .region = "r",
                                      .service = "s3",
                                      .date = S3_DATE,
                                      .method = "GET",
                                      .path = "/",
                                      .query = "",
                                      .headers = headers,
                                      .header_count = 2,
                                      .body_hash = OZX_SIGV4_EMPTY};
    static const char begin[] = "AWS4-HMAC-SHA256 Credential=ID/20130524/r/s3/aws4_request, "
                                "SignedHeaders=host;x-amz-date, Signature=";
    OZX_AUTO_FREE char *out = NULL;

    CHECK(ozx_sigv4_sign(&request, &out) == 0);
    CHECK(out && strncmp(out, begin, strlen(begin)) == 0 && strlen(out) == strlen(begin) + 64);
}

static void test_encode(void)
{
    char text[3 * 256];
    static const char all[] = "aZ09-._~/ +=&%$:@?#'()*!,;\x7f\xc3\xa4";

    CHECK(*ozx_sigv4_encode(text, all, 1) == '\0');
    CHECK(strcmp(text, "aZ09-._~/%20%2B%3D%26%25%24%3A%40%3F%23%27%28%29%2A%21%2C%3B%7F%C3%A4") ==
          0);
    ozx_sigv4_encode(text, "a/b", 0);
    CHECK(strcmp(text, "a%2Fb") == 0);
    ozx_sigv4_encode(text, "", 0);
    CHECK(!*text);
}

/* --- places ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *endpoint, *region, *style, *url;
} places[] = {
    {"s3://bucket/a/x.ozx", NULL, NULL, NULL, "https://bucket.s3.us-east-1.amazonaws.com/a/x.ozx"},
    {"s3://bucket/x.ozx", NULL, "eu-west-1", NULL,
     "https://bucket.s3.eu-west-1.amazonaws.com/x.ozx"},
    {"s3://bucket/x.ozx", NULL, "cn-north-1", NULL,
     "https://bucket.s3.cn-north-1.amazonaws.com.cn/x.ozx"},
    {"s3://bucket/x.ozx", NULL, NULL, "path", "https://s3.us-east-1.amazonaws.com/bucket/x.ozx"},
    {"s3://my.bucket/x.ozx", NULL, NULL, NULL,
     "https://s3.us-east-1.amazonaws.com/my.bucket/x.ozx"},
    {"s3://my.bucket/x.ozx", NULL, NULL, "virtual",
     "https://s3.us-east-1.amazonaws.com/my.bucket/x.ozx"},
    {"s3://My_Bucket/x.ozx", NULL, NULL, NULL,
     "https://s3.us-east-1.amazonaws.com/My_Bucket/x.ozx"},
    {"s3://bucket/x.ozx", "http://127.0.0.1:7070", NULL, NULL,
     "http://127.0.0.1:7070/bucket/x.ozx"},
    {"s3://bucket/x.ozx", "http://127.0.0.1:7070/", NULL, "auto",
     "http://127.0.0.1:7070/bucket/x.ozx"},
    {"s3://bucket/x.ozx", "https://s3.example.org:443", NULL, "virtual",
     "https://bucket.s3.example.org/x.ozx"},
    {"s3://bucket/x.ozx", "http://[::1]:9000/s3/", NULL, NULL, "http://[::1]:9000/s3/bucket/x.ozx"},
    {"S3://bucket/a=b c+d/\xc3\xa4%25", NULL, NULL, NULL,
     "https://bucket.s3.us-east-1.amazonaws.com/a%3Db%20c%2Bd/%C3%A4%2525"},
    {"s3://bucket//a/../b?c#d", NULL, NULL, NULL,
     "https://bucket.s3.us-east-1.amazonaws.com//a/../b%3Fc%23d"},
    /* none */
    {"s3://bucket", NULL, NULL, NULL, NULL},
    {"s3://bucket/", NULL, NULL, NULL, NULL},
    {"s3:///x.ozx", NULL, NULL, NULL, NULL},
    {"s3://key:secret@bucket/x.ozx", NULL, NULL, NULL, NULL},
    {"s3://buc:ket/x.ozx", NULL, NULL, NULL, NULL},
    {"s3://bucket/x.ozx", NULL, "x.example.org/", NULL, NULL},
    {"s3://bucket/x.ozx", NULL, "-a", NULL, NULL},
    {"s3://bucket/x.ozx", "127.0.0.1:7070", NULL, NULL, NULL},
    {"s3://bucket/x.ozx", "file:///etc", NULL, NULL, NULL},
    {"s3://bucket/x.ozx", "http://a:b@c", NULL, NULL, NULL},
    {"s3://bucket/x.ozx", "http://c/?d", NULL, NULL, NULL},
};

static const char *no_variable(void *context, const char *name)
{
    (void)context, (void)name;
    return NULL;
}

static int open_place(struct ozx_s3 *s3, size_t i, struct ozx_error *error)
{
    const struct ozx_s3_options options = {
        .endpoint = places[i].endpoint, .region = places[i].region, .style = places[i].style};
    struct ozx_aws aws = OZX_AWS_INIT;

    aws.environment = no_variable;
    return ozx_s3_open(s3, places[i].name, &options, &aws, error);
}

static void test_places(void)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct ozx_error error = OZX_ERROR_INIT;
        struct ozx_s3 s3;
        int failure = open_place(&s3, i, &error);

        CHECK((failure == 0) == (places[i].url != NULL));
        if (!failure && strcmp(s3.url, places[i].url ? places[i].url : "") != 0) {
            check_failed(__FILE__, __LINE__, places[i].name);
            fprintf(stderr, "    %s\n", s3.url);
        }
        CHECK(!failure || (error.code == -EINVAL && !strstr(error.text, "secret")));
        ozx_s3_close(&s3);
    }
}

/* --- what is learned -------------------------------------------------------------------------- */

static void test_learned(void)
{
    struct ozx_error error = OZX_ERROR_INIT;
    struct ozx_answer answer;
    struct ozx_s3 s3;
    unsigned before;

    CHECK(open_place(&s3, 0, &error) == 0);
    ozx_answer_init(&answer);
    answer.status = 301;
    CHECK(!ozx_s3_learn(&s3, &answer, s3.generation, 0));
    strcpy(answer.region, "eu-central-1");
    before = s3.generation;
    CHECK(ozx_s3_learn(&s3, &answer, before, 0));
    CHECK(strcmp(s3.url, "https://bucket.s3.eu-central-1.amazonaws.com/a/x.ozx") == 0);
    CHECK(ozx_s3_learn(&s3, &answer, before, 0));         /* of a request before it */
    CHECK(!ozx_s3_learn(&s3, &answer, s3.generation, 0)); /* said twice */
    strcpy(answer.region, "a.example.org");
    CHECK(!ozx_s3_learn(&s3, &answer, s3.generation, 0));
    /* a clock that is wrong */
    ozx_answer_init(&answer);
    answer.status = 403;
    strcpy(answer.code, "RequestTimeTooSkewed");
    strcpy(answer.date, "Thu, 01 Jan 1970 10:00:00 GMT");
    CHECK(ozx_s3_learn(&s3, &answer, s3.generation, 100));
    CHECK(s3.skew_s == 36000 - 100);
    CHECK(!ozx_s3_learn(&s3, &answer, s3.generation, 100));
    /* versions */
    answer.status = 206;
    strcpy(answer.version, "null");
    ozx_s3_pin(&s3, &answer);
    CHECK(!*s3.query);
    strcpy(answer.version, "a/b=");
    ozx_s3_pin(&s3, &answer);
    CHECK(strcmp(s3.query, "versionId=a%2Fb%3D") == 0 && strstr(s3.url, "?versionId=a%2Fb%3D"));
    answer.status = 403;
    *answer.code = '\0';
    CHECK(ozx_s3_learn(&s3, &answer, s3.generation, 0));
    CHECK(!*s3.query && !ozx_s3_learn(&s3, &answer, s3.generation, 0));
    ozx_s3_pin(&s3, &answer);
    CHECK(!*s3.query);
    ozx_s3_close(&s3);
}

/* --- files of profiles ------------------------------------------------------------------------ */

static const char profiles[] =
    "# a = b\n[default]\nregion = one \n\n[ profile x ]\r\n region = no\n"
    "s3 =\n  endpoint_url = http://a\n\taddressing_style=path\n"
    "other =\n  endpoint_url = http://b\nregion=two\nregion = three\n"
    "aws_secret_access_key = a=b#c\n;region = four\n[profile xy]\nempty =\n"
    "region";

static const struct {
    const char *section, *key, *value;
} wanted[] = {
    {"default", "region", "one"},
    {"profile x", "region", "three"},
    {"profile x", "s3.endpoint_url", "http://a"},
    {"profile x", "s3.addressing_style", "path"},
    {"profile x", "endpoint_url", NULL},
    {"profile x", "s3.region", NULL},
    {"profile x", "aws_secret_access_key", "a=b#c"},
    {"profile xy", "region", NULL},
    {"profile xy", "empty", NULL},
    {"profile", "region", NULL},
    {"", "a", NULL},
};

static void test_profiles(void)
{
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        OZX_AUTO_FREE char *found = ozx_aws_find(profiles, wanted[i].section, wanted[i].key);

        if (!found != !wanted[i].value || (found && strcmp(found, wanted[i].value) != 0)) {
            check_failed(__FILE__, __LINE__, wanted[i].key);
            fprintf(stderr, "    [%s] %s is %s\n", wanted[i].section, wanted[i].key,
                    found ? found : "not there");
        }
    }
    CHECK(!ozx_aws_find(NULL, "default", "region"));
    CHECK(!ozx_aws_find("[default", "default", "region"));
    CHECK(!ozx_aws_find("[", "", "region"));
}

int main(void)
{
    const struct check_test tests[] = {
        {"vectors", test_vectors}, {"header", test_header},   {"encode", test_encode},
        {"places", test_places},   {"learned", test_learned}, {"profiles", test_profiles},
    };

    return ozx_digest_is_there() ? check_run(tests, sizeof tests / sizeof tests[0]) : 77;
}
