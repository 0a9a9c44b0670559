#include "app/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double seconds_between_lines = 5.0;

enum { DEFAULT_COLUMNS = 80, MAX_BAR = 40, TEXT_BYTES = 96 };

struct vox_progress_display vox_progress_begin(bool quiet)
{
    /* Nothing in this program changes the environment. */
    const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe) */
    bool dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    return (struct vox_progress_display){.quiet = quiet,
                                         .terminal = isatty(STDERR_FILENO) != 0 && !dumb};
}

static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return DEFAULT_COLUMNS;
    }
    return size.ws_col;
}

static void describe(const struct vox_progress_display *display, char text[TEXT_BYTES],
                     int64_t done, int64_t total, double seconds)
{
    int64_t since = done > display->begun_at ? done - display->begun_at : 1;
    double left = (seconds - display->begun) / (double)since * (double)(total - done);
    if (done >= total) {
        snprintf(text, TEXT_BYTES, "%lld of %lld slices, %.0f s", (long long)done, (long long)total,
                 seconds);
    } else if (left < 90.0) {
        snprintf(text, TEXT_BYTES, "%lld of %lld slices, %.0f s left", (long long)done,
                 (long long)total, left);
    } else {
        snprintf(text, TEXT_BYTES, "%lld of %lld slices, %.0f min left", (long long)done,
                 (long long)total, left / 60.0);
    }
}

static void draw_bar(const char *text, int64_t done, int64_t total)
{
    /* The last column stays free: some terminals wrap when it is written. */
    int room = columns() - (int)strlen(text) - 4;
    int width = room > MAX_BAR ? MAX_BAR : room;
    fputc('\r', stderr);
    if (width >= 4) {
        int filled = (int)((double)done / (double)total * width);
        fputc('[', stderr);
        for (int i = 0; i < width; i++) {
            fputc(i < filled ? '#' : '.', stderr);
        }
        fputs("] ", stderr);
    }
    /* Erase what a longer text left behind. */
    fprintf(stderr, "%.*s\033[K", columns() - 1, text);
    fflush(stderr);
}

void vox_progress_show(struct vox_progress_display *display, int64_t done, int64_t total,
                       double seconds)
{
    if (display->quiet || done < 1) {
        return;
    }
    char text[TEXT_BYTES];
    describe(display, text, done, total, seconds);
    if (display->terminal) {
        draw_bar(text, done, total);
        display->drawn = true;
    } else if (done >= total || seconds - display->reported >= seconds_between_lines) {
        fprintf(stderr, "voxlabel: %s\n", text);
        display->reported = seconds;
    }
}

void vox_progress_restart(struct vox_progress_display *display, int64_t done, double seconds)
{
    display->begun_at = done;
    display->begun = seconds;
    display->reported = seconds;
    if (!display->quiet) {
        vox_progress_end(display);
        fputs("voxlabel: the mask reaches the rim of the window; once more with a wider one\n",
              stderr);
    }
}

void vox_progress_end(struct vox_progress_display *display)
{
    if (display->drawn) {
        fputc('\n', stderr);
        display->drawn = false;
    }
}
