/* Plans made from parameters, for tests. Parameters are JSON with ' for ". */
#ifndef VOX_TESTS_PLAN_FIXTURE_H
#define VOX_TESTS_PLAN_FIXTURE_H

#include "pipeline/prompt_plan.h"

/* 100 x 80 x 40 voxels of 1 x 1 x 2 mm. */
extern const struct vox_plan_image plan_fixture_image;

/* A request for the labels "liver" and "tumour"; ends the test where it is refused. */
struct vox_request *plan_fixture_request(const char *params);

/* The plan of a request, which it takes over and frees. */
struct vox_plan *plan_fixture_plan(struct vox_request *request, const struct vox_plan_image *image,
                                   const struct vox_plan_defaults *defaults);

/* The plan of parameters on plan_fixture_image without defaults. */
struct vox_plan *plan_fixture_of(const char *params);

/* A mask of `liver`: boxes of voxels {i0, j0, i1, j1, k} that are 1. */
void plan_fixture_mask(struct vox_request *request, const struct vox_plan_image *image,
                       const int64_t (*boxes)[5], size_t n);

/* The plan's JSON on one line with ' for ", or its words; freed with vox_free. */
char *plan_fixture_json(const struct vox_plan *plan);
char *plan_fixture_text(const struct vox_plan *plan);

/* The plan's JSON has this part, or has it not; a warning has these words. */
void plan_fixture_expect(const struct vox_plan *plan, const char *part);
void plan_fixture_expect_not(const struct vox_plan *plan, const char *part);
void plan_fixture_expect_warning(const struct vox_plan *plan, const char *words);

/* One plan, one part. */
void plan_fixture_check(const char *params, const char *part);

/* The plan is refused with these words. */
void plan_fixture_refuse(const char *params, const char *words);

#endif
