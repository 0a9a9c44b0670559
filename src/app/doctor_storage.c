#include "app/doctor_checks.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/model_folder.h"
#include "app/sizes.h"
#include "util/memory.h"

static const char *reason(int number)
{
    const char *text = strerrordesc_np(number);
    return text != NULL ? text : "unknown error";
}

/* The part of a path that is there, in place; false where none is. */
static bool cut_to_what_is_there(char *path)
{
    struct stat st;
    while (stat(path, &st) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || slash == NULL || slash[1] == '\0') {
            return false;
        }
        slash[slash == path ? 1 : 0] = '\0';
    }
    return true;
}

/* What a folder is to be used for: is it one, may it be written to, is there room? */
static void check_folder(struct vox_doctor *doctor, const char *what, const char *folder,
                         const char *option)
{
    char there[4096], room[VOX_BYTES_TEXT], remedy[128];
    struct stat st;
    struct statvfs disk;
    snprintf(there, sizeof(there), "%s%s", folder[0] == '/' ? "" : "./", folder);
    snprintf(remedy, sizeof(remedy), "name another folder with %s", option);
    bool missing = stat(there, &st) != 0;
    if (!cut_to_what_is_there(there) || stat(there, &st) != 0 || statvfs(there, &disk) != 0) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, what, remedy, "%s: %s", folder, reason(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, what, remedy, "%s: is no folder", folder);
        return;
    }
    uint64_t bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    struct vox_judgement judgement = vox_judge_room(bytes);
    if (access(there, W_OK | X_OK) != 0) {
        judgement = (struct vox_judgement){VOX_VERDICT_WARN, remedy};
        vox_doctor_add(doctor, judgement.verdict, what, judgement.remedy,
                       "%s: can be read but not written", folder);
        return;
    }
    vox_bytes_text(bytes, room);
    vox_doctor_add(doctor, judgement.verdict, what, judgement.remedy, "%s: %s%s free", folder,
                   missing ? "is made when it is needed, " : "", room);
}

void vox_doctor_model_folder(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    char *folder;
    if (vox_model_folder_find(ask->models, &folder) != 0) {
        vox_doctor_add(doctor, VOX_VERDICT_WARN, "model folder", "name one with --models",
                       "there is no home folder");
        return;
    }
    check_folder(doctor, "model folder", folder, "--models");
    vox_free(folder);
}

/* Features are derived from images of patients. */
static bool is_private(const struct stat *st)
{
    return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

void vox_doctor_cache_folder(struct vox_doctor *doctor, const struct vox_doctor_ask *ask)
{
    static const char what[] = "cache folder";
    struct stat st;
    if (ask->cache_dir == NULL) {
        vox_doctor_add(doctor, VOX_VERDICT_OK, what, NULL,
                       "none is named; slices are kept in memory alone");
        return;
    }
    if (lstat(ask->cache_dir, &st) == 0 && !is_private(&st)) {
        vox_doctor_add(doctor, VOX_VERDICT_FAIL, what,
                       "it must be a folder of your own with mode 0700",
                       "%s: could be read by others, or is no folder", ask->cache_dir);
        return;
    }
    check_folder(doctor, what, ask->cache_dir, "--cache-dir");
}
