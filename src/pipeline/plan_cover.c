#include "pipeline/plan_parts.h"
#include "util/memory.h"

enum vox_code vox_plan_cover_init(struct vox_plan_cover *cover, int64_t first, int64_t last,
                                  struct vox_err *err)
{
    size_t n = (size_t)(last - first + 1);
    size_t nodes;
    struct vox_rect *rects = NULL;
    if (vox_mul(n, 2, &nodes)) {
        rects = vox_calloc(nodes, sizeof(*rects));
    }
    if (rects == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < nodes; i++) {
        rects[i] = vox_rect_empty();
    }
    *cover = (struct vox_plan_cover){.first = first, .n = n, .nodes = rects};
    return VOX_OK;
}

void vox_plan_cover_fini(struct vox_plan_cover *cover)
{
    vox_free(cover->nodes);
    *cover = (struct vox_plan_cover){.nodes = NULL};
}

/* Node i has the children 2 i and 2 i + 1; a range is the union of few nodes, found from both of
 * its ends upwards. */
void vox_plan_cover_add(struct vox_plan_cover *cover, int64_t first, int64_t last,
                        const struct vox_rect *rect)
{
    size_t low = (size_t)(first - cover->first) + cover->n;
    size_t high = (size_t)(last - cover->first) + cover->n + 1;
    for (; low < high; low /= 2, high /= 2) {
        if (low % 2 == 1) {
            vox_rect_add(&cover->nodes[low++], rect);
        }
        if (high % 2 == 1) {
            vox_rect_add(&cover->nodes[--high], rect);
        }
    }
}

void vox_plan_cover_settle(struct vox_plan_cover *cover)
{
    for (size_t i = 1; i < cover->n; i++) {
        vox_rect_add(&cover->nodes[2 * i], &cover->nodes[i]);
        vox_rect_add(&cover->nodes[2 * i + 1], &cover->nodes[i]);
    }
}

const struct vox_rect *vox_plan_cover_at(const struct vox_plan_cover *cover, int64_t k)
{
    return &cover->nodes[cover->n + (size_t)(k - cover->first)];
}
