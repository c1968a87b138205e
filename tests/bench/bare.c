/* SPDX-License-Identifier: BSD-2-Clause
 *
 *     bare URL READERS [CAFILE] <RANGES
 *
 * The measure of what reads by ranges: libcurl alone, READERS transfers at a time, each line of the
 * input one range ("0-99", "-262144"). Prints the seconds and the bytes.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double bytes;

static size_t count(const char *data, size_t one, size_t size, void *context)
{
    (void)data, (void)one, (void)context;
    bytes += (double)size;
    return size;
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* False: there are no more ranges. */
static int start(CURLM *multi, CURL *easy, char **argv)
{
    char line[64];

    if (!fgets(line, sizeof line, stdin))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_RANGE, line);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    if (argv[3])
        curl_easy_setopt(easy, CURLOPT_CAINFO, argv[3]);
    curl_multi_add_handle(multi, easy);
    return 1;
}

int main(int argc, char **argv)
{
    int readers = argc > 2 ? atoi(argv[2]) : 0, running = 0, left;
    CURLM *multi = curl_multi_init();
    double began;

    if (readers < 1)
        return 64;
    curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 16L);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 16L);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 32L);
    began = now_s();
    for (int i = 0; i < readers; i++)
        if (!start(multi, curl_easy_init(), argv))
            break;
    do {
        CURLMsg *message;

        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *easy = message->easy_handle;

            if (message->data.result) {
                fprintf(stderr, "bare: %s\n", curl_easy_strerror(message->data.result));
                return 1;
            }
            curl_multi_remove_handle(multi, easy);
            if (start(multi, easy, argv))
                running = 1;
            else
                curl_easy_cleanup(easy);
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    printf("%.6f %.0f\n", now_s() - began, bytes);
    return 0;
}
