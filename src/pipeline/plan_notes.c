#include <stdio.h>

#include "pipeline/plan_parts.h"

void vox_plan_numbers_add(struct vox_plan_numbers *numbers, int64_t value)
{
    if (numbers->n < VOX_PLAN_LISTED) {
        numbers->values[numbers->n] = value;
    }
    numbers->n++;
}

const char *vox_plan_numbers_text(struct vox_plan_numbers *numbers)
{
    size_t used = 0;
    numbers->text[0] = '\0';
    for (int64_t i = 0; i < numbers->n && i < VOX_PLAN_LISTED; i++) {
        bool last = i + 1 == numbers->n;
        const char *before = i == 0 ? "" : last ? " and " : ", ";
        int n = snprintf(numbers->text + used, sizeof(numbers->text) - used, "%s%lld", before,
                         (long long)numbers->values[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (numbers->n > VOX_PLAN_LISTED) {
        snprintf(numbers->text + used, sizeof(numbers->text) - used, " and %lld more",
                 (long long)(numbers->n - VOX_PLAN_LISTED));
    }
    return numbers->text;
}

void vox_plan_note_outside(struct vox_warnings *warnings, struct vox_plan_numbers *points,
                           const char *name)
{
    if (points->n == 1) {
        vox_warn(warnings, "point %s of '%s' lies outside the image and is left out",
                 vox_plan_numbers_text(points), name);
    } else if (points->n > 1) {
        vox_warn(warnings, "points %s of '%s' lie outside the image and are left out",
                 vox_plan_numbers_text(points), name);
    }
}
