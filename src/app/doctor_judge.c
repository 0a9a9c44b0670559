#include "app/doctor_judge.h"

#include <stddef.h>
#include <string.h>

static const uint64_t mebibyte = UINT64_C(1) << 20;

static struct vox_judgement judgement(enum vox_verdict verdict, const char *remedy)
{
    return (struct vox_judgement){.verdict = verdict, .remedy = remedy};
}

static struct vox_judgement fine(void)
{
    return judgement(VOX_VERDICT_OK, NULL);
}

struct vox_judgement vox_judge_memory(uint64_t available)
{
    /* The published shape takes about 370 MiB (docs/performance.md) and up to 1 GiB of slices that
     * were encoded (docs/caches.md), beside the image; small networks a part of it. */
    if (available < 400 * mebibyte) {
        return judgement(VOX_VERDICT_FAIL, "free memory, or run on a machine with more");
    }
    if (available < 1536 * mebibyte) {
        return judgement(VOX_VERDICT_WARN, "small models only, or lower --cache-memory");
    }
    return fine();
}

struct vox_judgement vox_judge_room(uint64_t available)
{
    return available < 256 * mebibyte
               ? judgement(VOX_VERDICT_WARN, "make room, or name a folder on another disk")
               : fine();
}

struct vox_judgement vox_judge_threads(int cpus, double quota)
{
    return quota > 0.0 && quota + 0.5 < (double)cpus
               ? judgement(VOX_VERDICT_WARN, "name as many with --threads as the quota allows")
               : fine();
}

struct vox_judgement vox_judge_clock(int64_t now, int64_t program)
{
    static const int64_t year_2025 = INT64_C(1735689600), year_2100 = INT64_C(4102444800);
    static const int64_t day = 86400;
    if (now < year_2025 || now > year_2100) {
        return judgement(VOX_VERDICT_FAIL,
                         "set the clock, certificates are not valid at that time");
    }
    if (now < program - day) {
        return judgement(VOX_VERDICT_WARN, "the program is newer than the clock says: set it");
    }
    return fine();
}

static bool has_flag(const char *flags, const char *flag)
{
    size_t length = strlen(flag);
    for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += length) {
        bool begins = at == flags || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

struct vox_judgement vox_judge_cpu(const char *flags, bool x86)
{
    return x86 && !(has_flag(flags, "avx2") && has_flag(flags, "fma"))
               ? judgement(VOX_VERDICT_WARN,
                           "expect minutes where others take seconds; a CPU with AVX2 helps")
               : fine();
}
