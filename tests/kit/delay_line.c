/* SPDX-License-Identifier: BSD-2-Clause
 *
 *     delay_line PID PID RTT_MS MBIT_S
 *
 * A line between the network namespaces of two processes: a TUN device "line" in each, and each
 * packet is held until the line before it is free and half a round trip is over. Kernels need no
 * netem for it, and TCP is as it is. Says "ready" once both devices are there; their addresses are
 * the caller's to give.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX (65536 + 64)
#define QUEUE_MAX (32u << 20) /* bytes that wait for the line; more of them are dropped */

struct packet {
    struct packet *next;
    int64_t due_ns;
    size_t size;
    uint8_t data[];
};

struct direction {
    int from, to;
    struct packet *first, **last;
    int64_t free_ns; /* the line is */
    size_t queued;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "delay_line: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_device(const char *pid)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    char path[64];
    int space, device;

    snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
    space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        die(path);
    close(space);
    device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strcpy(request.ifr_name, "line");
    /* Packets of 64 KiB pass, as they do from a network card. */
    if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0 ||
        ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
        die("/dev/net/tun");
    return device;
}

static void take(struct direction *d, int64_t half_ns, double ns_per_byte)
{
    static uint8_t buffer[PACKET_MAX];
    ssize_t got;

    while ((got = read(d->from, buffer, sizeof buffer)) > 0) {
        int64_t now = now_ns(), start = d->free_ns > now ? d->free_ns : now;
        struct packet *packet;

        if (d->queued + (size_t)got > QUEUE_MAX)
            continue;
        packet = malloc(sizeof *packet + (size_t)got);
        if (!packet)
            die("malloc");
        d->free_ns = start + (int64_t)((double)got * ns_per_byte);
        *packet = (struct packet){.due_ns = d->free_ns + half_ns, .size = (size_t)got};
        memcpy(packet->data, buffer, (size_t)got);
        *d->last = packet;
        d->last = &packet->next;
        d->queued += (size_t)got;
    }
}

/* Returns when the next one is due; INT64_MAX: there is none. */
static int64_t pass_on(struct direction *d)
{
    while (d->first && d->first->due_ns <= now_ns()) {
        struct packet *packet = d->first;

        (void)!write(d->to, packet->data, packet->size); /* what does not pass is lost, as it is */
        d->first = packet->next;
        if (!d->first)
            d->last = &d->first;
        d->queued -= packet->size;
        free(packet);
    }
    return d->first ? d->first->due_ns : INT64_MAX;
}

int main(int argc, char **argv)
{
    struct direction ways[2];
    struct pollfd polled[2];
    int64_t half_ns;
    double ns_per_byte;

    if (argc != 5)
        return 64;
    half_ns = (int64_t)(atof(argv[3]) * 500000);
    ns_per_byte = 8000 / atof(argv[4]);
    for (int i = 0; i < 2; i++)
        polled[i] = (struct pollfd){.fd = open_device(argv[1 + i]), .events = POLLIN};
    for (int i = 0; i < 2; i++) {
        ways[i] = (struct direction){.from = polled[i].fd, .to = polled[1 - i].fd};
        ways[i].last = &ways[i].first;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t due = INT64_MAX, wait;
        struct timespec timeout;

        for (int i = 0; i < 2; i++) {
            int64_t next = pass_on(&ways[i]);
            due = next < due ? next : due;
        }
        wait = due == INT64_MAX ? INT64_MAX : due - now_ns();
        wait = wait < 0 ? 0 : wait;
        timeout = (struct timespec){wait / 1000000000, wait % 1000000000};
        if (ppoll(polled, 2, wait == INT64_MAX ? NULL : &timeout, NULL) < 0)
            die("ppoll");
        for (int i = 0; i < 2; i++)
            if (polled[i].revents)
                take(&ways[i], half_ns, ns_per_byte);
    }
}
