/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting threads, giving them jobs, waiting for them. Knows nothing of what they do.
 */
#include "base/crew.h"

#include <errno.h>
#include <sched.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/wait.h"

#define TICK_MS 100

#define SHARE_MAX 64
#define TURNS 16 /* of each thread */

struct gang {
    struct ozx_crew *crew;
    pthread_t *threads;
    unsigned started;
    unsigned running; /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t ended;
};

/* --- stopping --------------------------------------------------------------------------------- */

static void stop(struct ozx_crew *crew, const struct ozx_error *error, bool output, bool instead)
{
    pthread_mutex_lock(&crew->lock);
    if (!crew->error.code || instead) {
        crew->error = *error;
        crew->output = output;
    }
    atomic_store(&crew->stopped, true);
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
}

int ozx_crew_stop(struct ozx_crew *crew, const struct ozx_error *error, bool output)
{
    stop(crew, error, output, false);
    return error->code;
}

void ozx_crew_stop_instead(struct ozx_crew *crew, const struct ozx_error *error, bool output)
{
    stop(crew, error, output, true);
}

int ozx_crew_stop_memory(struct ozx_crew *crew)
{
    struct ozx_error error = OZX_ERROR_INIT;

    (void)!ozx_error_memory(&error);
    return ozx_crew_stop(crew, &error, false);
}

/* --- a thread --------------------------------------------------------------------------------- */

static bool take(struct ozx_crew *crew, void *job)
{
    bool more;

    pthread_mutex_lock(&crew->lock);
    more = !ozx_crew_stopped(crew) && crew->task->next(crew->task->context, job);
    pthread_mutex_unlock(&crew->lock);
    return more;
}

static void work(struct ozx_crew *crew)
{
    const struct ozx_crew_task *task = crew->task;
    alignas(max_align_t) unsigned char job[OZX_CREW_JOB_MAX];
    OZX_AUTO_FREE void *member = malloc(task->member_size);

    if (!member) {
        ozx_crew_stop_memory(crew);
        return;
    }
    if (!task->begin || !task->begin(task->context, member))
        while (take(crew, job))
            if (task->work(task->context, member, job))
                break;
    if (task->end)
        task->end(task->context, member);
}

static void *run_member(void *argument)
{
    struct gang *gang = argument;

    work(gang->crew);
    pthread_mutex_lock(&gang->lock);
    gang->running--;
    pthread_cond_signal(&gang->ended);
    pthread_mutex_unlock(&gang->lock);
    return NULL;
}

/* --- all threads ------------------------------------------------------------------------------ */

/* -errno if there are fewer than wanted. Signals stay with the calling thread: the new ones inherit
 * a full mask. */
static int start(struct gang *gang)
{
    sigset_t all, before;
    int failure = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&gang->lock); /* whoever ends early waits until all are counted */
    while (!failure && gang->started < gang->crew->task->threads) {
        failure = -pthread_create(&gang->threads[gang->started], NULL, run_member, gang);
        gang->started += !failure;
    }
    gang->running = gang->started;
    pthread_mutex_unlock(&gang->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

bool ozx_crew_cancelled(struct ozx_crew *crew)
{
    struct ozx_error error = OZX_ERROR_INIT;
    bool cancelled = crew->task->cancel && *crew->task->cancel;

    if (cancelled) {
        (void)ozx_error_interrupted(&error);
        ozx_crew_stop(crew, &error, true);
    }
    return cancelled;
}

static void look_after(struct ozx_crew *crew)
{
    (void)ozx_crew_cancelled(crew);
    if (crew->task->progress)
        crew->task->progress(crew->task->context);
}

static void wait_for_all(struct gang *gang)
{
    pthread_mutex_lock(&gang->lock);
    while (gang->running) {
        const struct timespec until = ozx_wait_end(TICK_MS);

        pthread_cond_timedwait(&gang->ended, &gang->lock, &until);
        pthread_mutex_unlock(&gang->lock);
        look_after(gang->crew);
        pthread_mutex_lock(&gang->lock);
    }
    pthread_mutex_unlock(&gang->lock);
    for (unsigned i = 0; i < gang->started; i++)
        pthread_join(gang->threads[i], NULL);
}

static void run(struct ozx_crew *crew)
{
    OZX_AUTO_FREE pthread_t *threads = calloc(crew->task->threads, sizeof *threads);
    struct gang gang = {.crew = crew, .threads = threads};
    int failure;

    if (!threads) {
        ozx_crew_stop_memory(crew);
        return;
    }
    pthread_mutex_init(&gang.lock, NULL);
    ozx_wait_condition_init(&gang.ended);
    failure = start(&gang);
    if (!gang.started) {
        struct ozx_error error = OZX_ERROR_INIT;

        ozx_error_set(&error, failure, OZX_RULE_NONE, OZX_OFFSET_NONE, NULL,
                      "cannot start a thread: %s", strerror(-failure));
        ozx_crew_stop(crew, &error, false);
    }
    wait_for_all(&gang);
    pthread_cond_destroy(&gang.ended);
    pthread_mutex_destroy(&gang.lock);
}

void ozx_crew_init(struct ozx_crew *crew, const struct ozx_crew_task *task)
{
    *crew = (struct ozx_crew){.task = task, .error = OZX_ERROR_INIT};
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->changed, NULL);
}

void ozx_crew_run(struct ozx_crew *crew)
{
    if (!ozx_crew_stopped(crew))
        run(crew);
    look_after(crew);
}

int ozx_crew_end(struct ozx_crew *crew, bool *output, struct ozx_error *error)
{
    pthread_cond_destroy(&crew->changed);
    pthread_mutex_destroy(&crew->lock);
    if (!crew->error.code)
        return 0;
    if (output)
        *output = crew->output;
    *error = crew->error;
    return error->code;
}

bool ozx_crew_next_range(uint32_t *cursor, uint32_t count, unsigned threads,
                         struct ozx_crew_range *range)
{
    uint32_t left = count - *cursor, share = count / (TURNS * threads);

    share = share < 1 ? 1 : share > SHARE_MAX ? SHARE_MAX : share;
    range->first = *cursor;
    range->last = *cursor += left < share ? left : share;
    return left > 0;
}

unsigned ozx_processor_count(void)
{
    cpu_set_t mine;

    if (sched_getaffinity(0, sizeof mine, &mine) == 0)
        return (unsigned)CPU_COUNT(&mine);
    return errno == EINVAL ? CPU_SETSIZE : 1; /* EINVAL: there are more than fit */
}
