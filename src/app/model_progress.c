#include "app/model_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/sizes.h"

static const double seconds_between_lines = 5.0;
static const double seconds_between_draws = 0.2;
static const double span = 2.0; /* seconds that a rate is taken over */

enum { TEXT_BYTES = 128 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

struct vox_model_progress vox_model_progress_begin(const char *name, bool quiet)
{
    /* Nothing in this program changes the environment. */
    const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe) */
    bool dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    return (struct vox_model_progress){.name = name,
                                       .quiet = quiet,
                                       .terminal = isatty(STDERR_FILENO) != 0 && !dumb,
                                       .reported = now()};
}

/* Fewer bytes than before: the download began anew. */
static void measure(struct vox_model_progress *progress, uint64_t done, double time)
{
    if (!progress->begun || done < progress->from) {
        progress->begun = true;
        progress->rate = 0.0;
        progress->from = done;
        progress->since = time;
    } else if (time - progress->since >= span) {
        double rate = (double)(done - progress->from) / (time - progress->since);
        progress->rate = progress->rate > 0.0 ? 0.5 * (progress->rate + rate) : rate;
        progress->from = done;
        progress->since = time;
    }
}

static void describe(const struct vox_model_progress *progress, uint64_t done, uint64_t total,
                     char text[TEXT_BYTES])
{
    char there[VOX_BYTES_TEXT], all[VOX_BYTES_TEXT + 4] = "", rate[VOX_BYTES_TEXT];
    char left[48] = "";
    double bytes_left = total > done ? (double)(total - done) : 0.0;
    vox_bytes_text(done, there);
    if (total > 0) {
        char size[VOX_BYTES_TEXT];
        vox_bytes_text(total, size);
        snprintf(all, sizeof(all), " of %s", size);
    }
    if (progress->rate < 1.0) {
        snprintf(text, TEXT_BYTES, "%s%s", there, all);
        return;
    }
    /* More than any file and machine, so that the conversions below are safe. */
    double capped = progress->rate < 1e15 ? progress->rate : 1e15;
    double seconds = bytes_left / capped;
    vox_bytes_text((uint64_t)capped, rate);
    if (total > 0 && seconds < 90.0) {
        snprintf(left, sizeof(left), ", %.0f s left", seconds);
    } else if (total > 0) {
        snprintf(left, sizeof(left), ", %.0f min left", seconds / 60.0);
    }
    snprintf(text, TEXT_BYTES, "%s%s, %s/s%s", there, all, rate, left);
}

void vox_model_progress_show(struct vox_model_progress *progress, uint64_t done, uint64_t total)
{
    double time = now();
    double wait = progress->terminal ? seconds_between_draws : seconds_between_lines;
    measure(progress, done, time);
    if (progress->quiet || time - progress->reported < wait) {
        return;
    }
    char text[TEXT_BYTES];
    describe(progress, done, total, text);
    if (progress->terminal) {
        fprintf(stderr, "\r%s: %s\033[K", progress->name, text);
        fflush(stderr);
        progress->drawn = true;
    } else {
        fprintf(stderr, "voxlabel: %s: %s\n", progress->name, text);
    }
    progress->reported = time;
}

void vox_model_progress_end(struct vox_model_progress *progress)
{
    if (progress->drawn) {
        fputc('\n', stderr);
        progress->drawn = false;
    }
}
