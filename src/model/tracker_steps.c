/* The computations of the tracker, each for one object on one slice. */
#include <string.h>

#include "model/tracker_state.h"

static struct vox_found *committed(const struct vox_tracker *tracker, int64_t object, int64_t frame)
{
    const struct vox_slot *slot = &tracker->objects[object].slots[frame];
    return slot->cond != NULL ? slot->cond : slot->tracked;
}

static enum vox_code attend(struct vox_tracker *tracker, const struct vox_bank *bank,
                            int64_t object, const struct vox_features *features,
                            struct vox_err *err)
{
    struct vox_memory_attention *attention = vox_network_parts(tracker->network)->memory_attention;
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < bank->n_memories && code == VOX_OK; i++) {
        struct vox_found *found = committed(tracker, object, bank->memory_frames[i]);
        code = vox_found_prepare(tracker, found, err);
        bank->entries[i] = (struct vox_bank_entry){found->prepared, bank->memory_slots[i]};
    }
    for (int64_t i = 0; i < bank->n_pointers; i++) {
        bank->pointers[i] = (struct vox_bank_pointer){
            committed(tracker, object, bank->pointer_frames[i])->pointer, bank->distances[i]};
    }
    if (code == VOX_OK) {
        code = vox_memory_attention_run(attention, features->f2, bank->entries, bank->n_memories,
                                        bank->pointers, bank->n_pointers, tracker->conditioned,
                                        tracker->tap, err);
    }
    return code;
}

enum vox_code vox_tracker_condition(struct vox_tracker *tracker, const struct vox_bank *bank,
                                    int64_t object, const struct vox_features *features,
                                    struct vox_err *err)
{
    enum vox_code code = attend(tracker, bank, object, features, err);
    for (int64_t i = 0; i < bank->n_memories && !vox_tracker_keeps(tracker, bank); i++) {
        vox_found_unprepare(tracker, committed(tracker, object, bank->memory_frames[i]));
    }
    return code;
}

enum vox_code vox_tracker_decode(struct vox_tracker *tracker, const struct vox_decode *decode,
                                 struct vox_found *found, struct vox_err *err)
{
    const struct vox_network_parts *parts = vox_network_parts(tracker->network);
    int64_t n_sparse = vox_prompt_tokens(decode->n_points);
    float *sparse = tracker->sparse;
    vox_prompt_encoder_points(parts->prompt_encoder, decode->points, decode->n_points, sparse);
    if (tracker->tap != NULL) {
        tracker->tap->rows(tracker->tap->context, "tokens", 0, n_sparse, tracker->columns, sparse,
                           tracker->columns);
    }
    enum vox_code code = VOX_OK;
    if (decode->mask != NULL) {
        code = vox_prompt_encoder_mask(parts->prompt_encoder, decode->mask, tracker->dense, err);
    }
    if (code == VOX_OK) {
        const struct vox_decoder_input input = {
            .image = decode->image,
            .image_row = decode->image_row,
            .dense = decode->mask != NULL ? tracker->dense : NULL,
            .dense_row = vox_prompt_encoder_no_mask(parts->prompt_encoder),
            .sparse = sparse,
            .n_sparse = n_sparse,
            .features = decode->features,
            .multimask = decode->multimask,
        };
        struct vox_decoder_output output = {.logits = found->logits, .pointer = found->pointer};
        code = vox_mask_decoder_run(parts->mask_decoder, &input, &output, tracker->tap, err);
        if (code == VOX_OK) {
            found->score = output.score;
            memcpy(found->iou, output.iou, sizeof(found->iou));
            found->stability = output.stability;
            found->chosen = output.chosen;
        }
    }
    return code;
}

enum vox_code vox_tracker_remember(struct vox_tracker *tracker, const struct vox_features *features,
                                   bool prompted, struct vox_found *found, struct vox_err *err)
{
    const struct vox_network_parts *parts = vox_network_parts(tracker->network);
    float *memory = found->pointer + tracker->columns;
    const struct vox_memory_input input = {
        .f2 = features->f2,
        .logits = found->logits,
        .binarize = prompted && tracker->config->binarize_prompted_memory,
        .absent = !(found->score > 0.0F),
    };
    enum vox_code code =
        vox_memory_encoder_run(parts->memory_encoder, &input, memory, tracker->tap, err);
    if (code == VOX_OK) {
        found->memory = memory;
    }
    return code;
}

bool vox_tracker_multimask(const struct vox_tracker *tracker, bool first_time, int64_t n_points)
{
    const struct vox_model_config *config = tracker->config;
    return config->multimask_output && (first_time || config->multimask_tracking) &&
           n_points >= config->multimask_min_points && n_points <= config->multimask_max_points;
}
