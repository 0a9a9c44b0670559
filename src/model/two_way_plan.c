#include "model/two_way_parts.h"

#include <math.h>

#include "model/token_tiles.h"
#include "util/memory.h"

/* Token counts are rounded up to a multiple of COUNT_STEP, and beyond FINE_COUNTS to a power of
 * two, so that few are planned: FINE_COUNTS / COUNT_STEP and 8 more. */
enum { COUNT_STEP = 4, FINE_COUNTS = 32, MOST_TOKENS = 8192 };
_Static_assert(FINE_COUNTS / COUNT_STEP + 8 <= VOX_TWO_WAY_PLANS, "a plan for every count");

void vox_two_way_plan_fini(struct vox_two_way_plan *plan)
{
    vox_attention_free(plan->self);
    vox_attention_free(plan->to_image);
    vox_attention_free(plan->to_token);
}

static enum vox_code plan_linears(struct vox_two_way *two_way, int64_t rows, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int i = 0; i < VOX_TWO_WAY_LAYERS && code == VOX_OK; i++) {
        struct vox_two_way_layer *layer = &two_way->layers[i];
        const struct vox_planned plans[] = {
            {.linear = layer->self_qk, .rows = rows},    {.linear = layer->self_v, .rows = rows},
            {.linear = layer->self_out, .rows = rows},   {.linear = layer->token_q, .rows = rows},
            {.linear = layer->token_out, .rows = rows},  {.linear = layer->hidden, .rows = rows},
            {.linear = layer->hidden_out, .rows = rows}, {.linear = layer->token_k, .rows = rows},
            {.linear = layer->token_v, .rows = rows},
        };
        code = vox_plan_all(plans, sizeof(plans) / sizeof(plans[0]), err);
    }
    const struct vox_planned plans[] = {{.linear = two_way->final_q, .rows = rows},
                                        {.linear = two_way->final_out, .rows = rows}};
    return code == VOX_OK ? vox_plan_all(plans, 2, err) : code;
}

static enum vox_code plan_attentions(struct vox_two_way *two_way, struct vox_two_way_plan *plan,
                                     struct vox_err *err)
{
    int64_t c = two_way->width;
    int64_t i = two_way->inner;
    int64_t self_dim = c / VOX_TWO_WAY_HEADS;
    int64_t cross_dim = i / VOX_TWO_WAY_HEADS;
    struct vox_attention_desc self = {.queries = plan->rows,
                                      .keys = plan->rows,
                                      .dim_k = self_dim,
                                      .dim_v = self_dim,
                                      .ld_q = 2 * c,
                                      .ld_k = 2 * c,
                                      .ld_v = c,
                                      .ld_out = c,
                                      .scale = 1.0F / sqrtf((float)self_dim),
                                      .compute = VOX_F32};
    struct vox_attention_desc to_image = {.queries = plan->rows,
                                          .keys = two_way->tile,
                                          .dim_k = cross_dim,
                                          .dim_v = cross_dim,
                                          .ld_q = i,
                                          .ld_k = 3 * i,
                                          .ld_v = 3 * i,
                                          .ld_out = i,
                                          .scale = 1.0F / sqrtf((float)cross_dim),
                                          .compute = VOX_F32};
    struct vox_attention_desc to_token = {.queries = two_way->tile,
                                          .keys = plan->rows,
                                          .dim_k = cross_dim,
                                          .dim_v = cross_dim,
                                          .ld_q = i,
                                          .ld_k = i,
                                          .ld_v = i,
                                          .ld_out = i,
                                          .scale = to_image.scale,
                                          .compute = VOX_F32};
    enum vox_code code = vox_attention_new(two_way->be, &self, &plan->self, err);
    if (code == VOX_OK) {
        code = vox_attention_new(two_way->be, &to_image, &plan->to_image, err);
    }
    if (code == VOX_OK) {
        code = vox_attention_new(two_way->be, &to_token, &plan->to_token, err);
    }
    return code;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static struct vox_two_way_packs packs_at(const struct vox_attention *attention, int64_t blocks,
                                         size_t at)
{
    struct vox_two_way_packs packs = {
        .keys = at,
        .keys_step = aligned(vox_attention_keys_bytes(attention)),
        .values_step = aligned(vox_attention_values_bytes(attention)),
    };
    packs.values = at + (size_t)blocks * packs.keys_step;
    packs.bytes = (size_t)blocks * (packs.keys_step + packs.values_step);
    return packs;
}

struct vox_two_way_layout vox_two_way_layout(const struct vox_two_way *two_way,
                                             const struct vox_two_way_plan *plan)
{
    struct vox_two_way_layout layout;
    layout.self = packs_at(plan->self, 1, 0);
    size_t at = layout.self.bytes;
    layout.image = packs_at(plan->to_image, VOX_TWO_WAY_HEADS * two_way->tiles, at);
    at += layout.image.bytes;
    layout.token = packs_at(plan->to_token, VOX_TWO_WAY_HEADS, at);
    layout.bytes = at + layout.token.bytes;
    return layout;
}

/* Makes the buffers large enough for a plan. */
static enum vox_code grow_buffers(struct vox_two_way *two_way, const struct vox_two_way_plan *plan,
                                  struct vox_err *err)
{
    size_t bytes = vox_two_way_layout(two_way, plan).bytes;
    if (bytes > two_way->packed_capacity) {
        char *packed = vox_calloc(1, bytes);
        if (packed == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        vox_free(two_way->packed);
        two_way->packed = packed;
        two_way->packed_capacity = bytes;
    }
    int64_t c = two_way->width;
    int64_t i = two_way->inner;
    int64_t rows = plan->rows;
    if (rows <= two_way->capacity) {
        return VOX_OK;
    }
    float *at =
        vox_calloc((size_t)rows, (size_t)(7 * c + VOX_TWO_WAY_HIDDEN + 4 * i) * sizeof(*at));
    if (at == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_free(two_way->memory);
    two_way->memory = at;
    two_way->capacity = rows;
    struct {
        float **buffer;
        int64_t columns;
    } const buffers[] = {
        {&two_way->tokens, c},
        {&two_way->q, c},
        {&two_way->sum, c},
        {&two_way->qk, 2 * c},
        {&two_way->v, c},
        {&two_way->attended, c},
        {&two_way->hidden, VOX_TWO_WAY_HIDDEN},
        {&two_way->token_q, i},
        {&two_way->token_out, i},
        {&two_way->token_k, i},
        {&two_way->token_v, i},
    };
    for (size_t b = 0; b < sizeof(buffers) / sizeof(buffers[0]); b++) {
        *buffers[b].buffer = at;
        at += rows * buffers[b].columns;
    }
    return VOX_OK;
}

static enum vox_code add_plan(struct vox_two_way *two_way, int64_t rows, struct vox_err *err)
{
    struct vox_two_way_plan plan = {.rows = rows};
    enum vox_code code = plan_linears(two_way, rows, err);
    if (code == VOX_OK) {
        code = plan_attentions(two_way, &plan, err);
    }
    if (code == VOX_OK) {
        code = grow_buffers(two_way, &plan, err);
    }
    if (code != VOX_OK) {
        vox_two_way_plan_fini(&plan);
        return code;
    }
    two_way->plans[two_way->n_plans++] = plan;
    return VOX_OK;
}

static int64_t rounded_count(int64_t n)
{
    int64_t rows = (n + COUNT_STEP - 1) / COUNT_STEP * COUNT_STEP;
    if (rows > FINE_COUNTS) {
        rows = FINE_COUNTS;
        while (rows < n) {
            rows *= 2;
        }
    }
    return rows;
}

enum vox_code vox_two_way_plan(struct vox_two_way *two_way, int64_t n,
                               const struct vox_two_way_plan **out, struct vox_err *err)
{
    if (n < 1 || n > MOST_TOKENS) {
        return vox_fail(err, VOX_E_LIMIT, "a prompt has %lld tokens; it may have 1 to %d",
                        (long long)n, MOST_TOKENS);
    }
    int64_t rows = rounded_count(n);
    for (int i = 0; i < two_way->n_plans; i++) {
        if (two_way->plans[i].rows == rows) {
            *out = &two_way->plans[i];
            return VOX_OK;
        }
    }
    enum vox_code code = add_plan(two_way, rows, err);
    if (code == VOX_OK) {
        *out = &two_way->plans[two_way->n_plans - 1];
    }
    return code;
}
