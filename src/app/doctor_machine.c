#include "app/doctor_checks.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/sizes.h"
#include "tensor/backend.h"

enum { LINE = 8192 };

#if defined(__x86_64__) || defined(__i386__)
static const bool is_x86 = true;
#else
static const bool is_x86 = false;
#endif

#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

#if defined(__clang__)
static const char compiler[] = "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__);
#else
static const char compiler[] = "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__);
#endif

/* The value of the first line "KEY: VALUE" of a file, blanks around it cut; false where there is
 * none. */
static bool find_line(const char *path, const char *key, char *out, size_t room)
{
    char line[LINE];
    size_t length = strlen(key);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        const char *value = line + length;
        if (strncmp(line, key, length) != 0) {
            continue;
        }
        value += strspn(value, " \t");
        if (*value == ':') {
            value += 1 + strspn(value + 1, " \t");
            snprintf(out, room, "%.*s", (int)strcspn(value, "\r\n"), value);
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* The first line of a file of the kernel; false where there is none. */
static bool read_line(const char *path, char *out, size_t room)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(out, (int)room, file) != NULL;
    fclose(file);
    return read;
}

void vox_doctor_version(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    (void)ask;
    vox_doctor_add(doctor, VOX_VERDICT_OK, "version", NULL, "voxlabel " VOX_VERSION ", built by %s",
                   compiler);
}

/* ---- CPU ---- */

/* The flags that matter here, of all that the kernel names. */
static void pick_flags(const char *all, char *out, size_t room)
{
    static const char *const wanted[] = {"sse4_2",      "avx",         "avx2",     "fma",
                                         "avx512f",     "avx512_vnni", "amx_bf16", "amx_tile",
                                         "avx512_bf16", "asimd",       "sve",      "bf16"};
    char word[64];
    size_t used = 0;
    out[0] = '\0';
    while (*all != '\0') {
        size_t length = strcspn(all, " ");
        snprintf(word, sizeof(word), "%.*s", (int)(length < sizeof(word) ? length : 0), all);
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            size_t needed = strlen(word) + 1;
            if (strcmp(word, wanted[i]) == 0 && used + needed < room) {
                used +=
                    (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? " " : "", word);
            }
        }
        all += length;
        all += strspn(all, " ");
    }
}

void vox_doctor_cpu(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    static const char path[] = "/proc/cpuinfo";
    char name[256] = "unknown", all[LINE] = "", flags[256];
    (void)ask;
    if (!find_line(path, "flags", all, sizeof(all))) {
        (void)find_line(path, "Features", all, sizeof(all));
    }
    (void)find_line(path, "model name", name, sizeof(name));
    pick_flags(all, flags, sizeof(flags));
    struct vox_judgement judgement = vox_judge_cpu(all, is_x86 && all[0] != '\0');
    vox_doctor_add(doctor, judgement.verdict, "cpu", judgement.remedy, "%s; %s", name,
                   flags[0] != '\0' ? flags : "no vector units that are known");
}

/* ---- kernels ---- */

static void try_backend(struct vox_doctor *doctor, struct vox_pool *pool, const char *name,
                        bool proved)
{
    struct vox_backend *backend;
    struct vox_err err = {0};
    if (vox_backend_open(name, pool, &backend, &err) != VOX_OK) {
        vox_doctor_add(doctor, VOX_VERDICT_WARN, "kernels",
                       "the next ones compute in their place, more slowly; please report it",
                       "%s: %s", name, err.msg);
        return;
    }
    vox_doctor_add(doctor, VOX_VERDICT_OK, "kernels", NULL, "%s%s", backend->kernels,
                   proved ? ", agrees with plain C" : "");
    vox_backend_close(backend);
}

void vox_doctor_kernels(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    struct vox_pool *pool;
    struct vox_err err = {0};
    (void)ask;
    if (vox_pool_new(1, &pool, &err) != VOX_OK) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, "kernels", "free memory", "%s", err.msg);
        return;
    }
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        /* The last one is what the others are compared with. */
        try_backend(doctor, pool, vox_backend_name(i), vox_backend_name(i + 1) != NULL);
    }
    vox_pool_free(pool);
}

/* ---- threads ---- */

/* CPUs' worth of time that the control group grants; 0: no limit is known. */
static double cpu_quota(void)
{
    char line[128];
    char *end;
    if (!read_line("/sys/fs/cgroup/cpu.max", line, sizeof(line))) {
        return 0.0;
    }
    long long quota = strtoll(line, &end, 10);
    long long period = end == line ? 0 : strtoll(end, NULL, 10);
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0.0;
}

void vox_doctor_threads(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    cpu_set_t cpus;
    long there = sysconf(_SC_NPROCESSORS_ONLN);
    double quota = cpu_quota();
    (void)ask;
    CPU_ZERO(&cpus);
    int mine = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : (int)there;
    struct vox_judgement judgement = vox_judge_threads(mine, quota);
    if (quota > 0.0) {
        vox_doctor_add(doctor, judgement.verdict, "threads", judgement.remedy,
                       "%d of %ld CPUs, with a quota of %.1f", mine, there, quota);
    } else {
        vox_doctor_add(doctor, judgement.verdict, "threads", judgement.remedy, "%d of %ld CPUs",
                       mine, there);
    }
}

/* ---- memory ---- */

/* A number of bytes in a file of the control group; false for "max" and where there is none. */
static bool read_bytes(const char *path, uint64_t *out)
{
    char line[64];
    char *end;
    if (!read_line(path, line, sizeof(line)) || line[0] < '0' || line[0] > '9') {
        return false;
    }
    *out = strtoull(line, &end, 10);
    return end != line;
}

static bool meminfo(const char *key, uint64_t *out)
{
    char text[64];
    if (!find_line("/proc/meminfo", key, text, sizeof(text))) {
        return false;
    }
    *out = strtoull(text, NULL, 10) << 10; /* kB */
    return true;
}

void vox_doctor_memory(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    uint64_t available, total, limit, used;
    char text[VOX_BYTES_TEXT], all[VOX_BYTES_TEXT];
    struct rlimit address;
    const char *bound = "";
    (void)ask;
    if (!meminfo("MemAvailable", &available) || !meminfo("MemTotal", &total)) {
        vox_doctor_add(doctor, VOX_VERDICT_WARN, "memory", NULL, "the kernel does not tell");
        return;
    }
    if (read_bytes("/sys/fs/cgroup/memory.max", &limit) &&
        read_bytes("/sys/fs/cgroup/memory.current", &used) &&
        (limit < used ? 0 : limit - used) < available) {
        available = limit < used ? 0 : limit - used;
        bound = ", by the control group's limit";
    }
    if (getrlimit(RLIMIT_AS, &address) == 0 && address.rlim_cur != RLIM_INFINITY &&
        address.rlim_cur < available) {
        available = address.rlim_cur;
        bound = ", by the limit on the process (ulimit -v)";
    }
    struct vox_judgement judgement = vox_judge_memory(available);
    vox_bytes_text(available, text);
    vox_bytes_text(total, all);
    vox_doctor_add(doctor, judgement.verdict, "memory", judgement.remedy, "%s of %s to be had%s",
                   text, all, bound);
}

/* ---- clock ---- */

void vox_doctor_clock(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    struct stat program = {0};
    struct timespec now;
    struct tm day;
    char text[64] = "a time that is none";
    (void)ask;
    clock_gettime(CLOCK_REALTIME, &now);
    bool known = stat("/proc/self/exe", &program) == 0;
    struct vox_judgement judgement =
        vox_judge_clock((int64_t)now.tv_sec, known ? (int64_t)program.st_mtime : 0);
    if (gmtime_r(&now.tv_sec, &day) != NULL) {
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &day);
    }
    vox_doctor_add(doctor, judgement.verdict, "clock", judgement.remedy, "%s", text);
}
