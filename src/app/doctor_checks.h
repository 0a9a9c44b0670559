/* The checks of 'voxlabel doctor'. A new one is a function and a line in the table of
 * doctor_command.c. */
#ifndef VOX_APP_DOCTOR_CHECKS_H
#define VOX_APP_DOCTOR_CHECKS_H

#include "app/doctor_judge.h"
#include "app/verdict.h"
#include "util/error.h"

struct vox_doctor; /* collects what the checks find */

/* What was asked for; borrowed. */
struct vox_doctor_ask {
    const char *model;     /* NULL: none is named */
    const char *config;    /* its YAML, or NULL */
    const char *models;    /* of --models, or NULL */
    const char *cache_dir; /* NULL: none */
};

/* Adds a line: what was looked at, the facts, and (NULL: none) what to do. A check adds as many as
 * it likes. */
void vox_doctor_add(struct vox_doctor *doctor, enum vox_verdict verdict, const char *what,
                    const char *remedy, const char *format, ...) VOX_PRINTF(5, 6);

void vox_doctor_version(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_cpu(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_kernels(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_threads(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_memory(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_clock(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_model_folder(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_cache_folder(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);
void vox_doctor_models(struct vox_doctor *doctor, const struct vox_doctor_ask *ask);

#endif
