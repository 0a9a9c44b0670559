/* Works on a datastore as tests in other languages ask.
 *
 * save FOLDER TAG THREADS LABELS FIRST: saves LABELS labels in each thread (0: for ever), counted
 * from FIRST, for images that take turns; says "ID COUNT" when one is saved.
 *
 * read FOLDER: says "ID TAG COUNT" for every label, "ID TAG broken" for one that is not as it was
 * saved.
 *
 * fill FOLDER: saves labels until the disk is full; says "ID COUNT", then "full", then deletes an
 * image and saves once more.
 *
 * measure FOLDER: says how long opening, saving and listing take, in milliseconds.
 *
 * A label is a line "ID COUNT", much of one letter, and a line "end". */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/datastore.h"
#include "store/strategy.h"
#include "util/memory.h"

enum { FILL = 6000 };

static struct vox_datastore *store;
static struct vox_image_item *items;
static size_t n_items;
static const char *tag;
static int most, first_count;
static atomic_int failures;

static void stop(const char *what, const struct vox_err *err)
{
    fprintf(stderr, "store_tool: %s: %s\n", what, err->msg);
    exit(1);
}

static void print_note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "note: %s\n", text);
}

static void open_folder(const char *folder)
{
    struct vox_err err = {0};
    struct vox_datastore_options options = vox_datastore_options_default();
    options.versions = 2;
    options.note = print_note;
    if (vox_datastore_open(folder, &options, &store, &err) != VOX_OK) {
        stop("open", &err);
    }
    if (vox_datastore_list(store, VOX_IMAGES_ALL, &items, &n_items, &err) != VOX_OK ||
        n_items == 0) {
        stop("list", &err);
    }
}

/* One write: lines of several threads do not mix. */
static void say(const char *id, int count)
{
    char line[400];
    int n = snprintf(line, sizeof(line), "%s %d\n", id, count);
    if (write(STDOUT_FILENO, line, (size_t)n) != n) {
        exit(1);
    }
}

static enum vox_code save(const char *id, int count, const char *path, struct vox_err *err)
{
    char info[64];
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return VOX_E_INTERNAL;
    }
    fprintf(file, "%s %d\n", id, count);
    for (int i = 0; i < FILL; i++) {
        fputc('a' + count % 26, file);
    }
    fputs("\nend\n", file);
    fclose(file);
    snprintf(info, sizeof(info), "{\"count\": %d}", count);
    const struct vox_incoming upload = {.path = path, .ext = ".nrrd", .info = info};
    return vox_datastore_save_label(store, id, tag, &upload, err);
}

static void *save_many(void *argument)
{
    static atomic_int threads;
    int me = atomic_fetch_add(&threads, 1);
    int of = *(const int *)argument;
    char path[100];
    snprintf(path, sizeof(path), "/tmp/store_tool-%ld-%d", (long)getpid(), me);
    for (int count = first_count; most == 0 || count < first_count + most; count++) {
        /* No two threads save the same image. */
        size_t place = (size_t)(me + of * count) % n_items;
        struct vox_err err = {0};
        if ((int)(place % (size_t)of) != me % of) {
            continue;
        }
        if (save(items[place].id, count, path, &err) != VOX_OK) {
            fprintf(stderr, "store_tool: save: %s\n", err.msg);
            atomic_fetch_add(&failures, 1);
        } else {
            say(items[place].id, count);
        }
    }
    unlink(path);
    return NULL;
}

static void save_in_threads(int threads)
{
    pthread_t handles[64];
    for (int i = 0; i < threads && i < 64; i++) {
        if (pthread_create(&handles[i], NULL, save_many, &threads) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < threads && i < 64; i++) {
        pthread_join(handles[i], NULL);
    }
}

/* The count of a label's file, -1 if it is not whole. */
static int read_label(const char *path, const char *id)
{
    static char text[FILL + 600];
    char first[400];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return -1;
    }
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    int n = snprintf(first, sizeof(first), "%s ", id);
    if (strncmp(text, first, (size_t)n) != 0) {
        return -1;
    }
    long count = strtol(text + n, NULL, 10);
    const char *fill = strchr(text, '\n');
    if (fill == NULL || size != (size_t)(fill - text) + 1 + FILL + 5) {
        return -1;
    }
    for (int i = 0; i < FILL; i++) {
        if (fill[1 + i] != (char)('a' + count % 26)) {
            return -1;
        }
    }
    return strcmp(fill + 1 + FILL, "\nend\n") == 0 ? (int)count : -1;
}

static void read_all(void)
{
    static const char *const tags[] = {"final", "original", "one", "two"};
    for (size_t i = 0; i < n_items; i++) {
        for (size_t j = 0; j < sizeof(tags) / sizeof(tags[0]); j++) {
            struct vox_label_record label;
            if (vox_datastore_label(store, items[i].id, tags[j], 0, &label, NULL) != VOX_OK) {
                continue;
            }
            int count = read_label(label.path, items[i].id);
            printf("%s %s ", items[i].id, tags[j]);
            printf(count < 0 ? "broken\n" : "%d\n", count);
            vox_label_record_free(&label);
        }
    }
}

static void fill_disk(void)
{
    struct vox_err err = {0};
    enum vox_code code = VOX_OK;
    tag = "final";
    for (int count = 1; count < 100000; count++) {
        const char *id = items[(size_t)count % n_items].id;
        err = (struct vox_err){0};
        code = save(id, count, "/tmp/store_tool-fill", &err);
        if (code != VOX_OK) {
            break;
        }
        say(id, count);
    }
    if (code != VOX_E_IO || err.sys == 0) {
        stop("not full", &err);
    }
    printf("full\n");
    read_all();
    if (vox_datastore_delete_image(store, items[0].id, &err) != VOX_OK) {
        stop("delete", &err);
    }
    if (save(items[1].id, 5, "/tmp/store_tool-fill", &err) != VOX_OK) {
        stop("save after delete", &err);
    }
    printf("again %s 5\n", items[1].id);
    unlink("/tmp/store_tool-fill");
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static void measure(const char *folder)
{
    double times[6];
    char *text = NULL;
    struct vox_err err = {0};
    struct vox_strategies *strategies = NULL;
    struct vox_sample sample = {0};
    tag = "final";
    times[0] = now_ms();
    open_folder(folder);
    times[1] = now_ms();
    for (int i = 0; i < 20; i++) {
        if (save(items[(size_t)i % n_items].id, i, "/tmp/store_tool-measure", &err) != VOX_OK) {
            stop("save", &err);
        }
    }
    times[2] = now_ms();
    if (vox_datastore_all_json(store, &text, &err) != VOX_OK) {
        stop("all", &err);
    }
    times[3] = now_ms();
    vox_free(text);
    if (vox_strategies_new(store, NULL, &strategies, &err) != VOX_OK ||
        vox_strategies_info_json(strategies, &text, &err) != VOX_OK) {
        stop("strategies", &err);
    }
    times[4] = now_ms();
    vox_free(text);
    if (vox_strategies_next(strategies, "random", "me", &sample, &err) != VOX_OK) {
        stop("next", &err);
    }
    times[5] = now_ms();
    vox_sample_free(&sample);
    vox_strategies_free(strategies);
    unlink("/tmp/store_tool-measure");
    printf("images %zu open %.1f save %.2f all %.1f strategies %.1f next %.1f\n", n_items,
           times[1] - times[0], (times[2] - times[1]) / 20, times[3] - times[2],
           times[4] - times[3], times[5] - times[4]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "measure") == 0) {
        measure(argv[2]);
    } else if (argc == 7 && strcmp(argv[1], "save") == 0) {
        tag = argv[3];
        most = (int)strtol(argv[5], NULL, 10);
        first_count = (int)strtol(argv[6], NULL, 10);
        open_folder(argv[2]);
        save_in_threads((int)strtol(argv[4], NULL, 10));
    } else if (argc == 3 && strcmp(argv[1], "read") == 0) {
        open_folder(argv[2]);
        read_all();
    } else if (argc == 3 && strcmp(argv[1], "fill") == 0) {
        open_folder(argv[2]);
        fill_disk();
    } else {
        fprintf(stderr, "usage: store_tool save|read|fill|measure FOLDER ...\n");
        return 2;
    }
    vox_image_items_free(items, n_items);
    vox_datastore_close(store);
    return failures > 0;
}
