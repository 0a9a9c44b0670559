#include "store/uncertain_voxels.h"

#include <string.h>
#include <strings.h>

#include "store/info_text.h"
#include "util/file.h"
#include "util/json.h"
#include "util/memory.h"
#include "volume/label_map.h"

enum { NAMES_MAX = 4096 };

/* What the values of a label stand for. */
struct names {
    const char *at[NAMES_MAX];
    int64_t values[NAMES_MAX];
    int n;
};

static bool is_one_of(const char *name, const char *const *others)
{
    while (*others != NULL && strcasecmp(name, *others) != 0) {
        others++;
    }
    return *others != NULL;
}

static void add_name(struct names *names, const char *name, int64_t value)
{
    if (names->n < NAMES_MAX) {
        names->at[names->n] = name;
        names->values[names->n++] = value;
    }
}

/* Names of info.label_info; they belong to the tree. */
static void read_label_info(struct names *names, const struct vox_json *info)
{
    static const char *const skipped[] = {"background", "background_scribbles",
                                          "foreground_scribbles", NULL};
    const struct vox_json *list = vox_json_get(info, "label_info");
    size_t n = list == NULL || vox_json_kind(list) != VOX_JSON_ARRAY ? 0 : vox_json_count(list);
    int64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = vox_json_text(vox_json_get(vox_json_at(list, i), "name"));
        if (name != NULL && !is_one_of(name, skipped)) {
            add_name(names, name, ++value);
        }
    }
}

static void read_segments(struct names *names, const struct vox_label_map *map)
{
    for (int i = 0; i < vox_label_map_segments(map); i++) {
        const struct vox_segment_info *segment = vox_label_map_segment(map, i);
        add_name(names, segment->name, segment->value);
    }
}

/* What to write: uncertain voxels become `target`. */
struct plan {
    int64_t uncertain, target;
    int uncertain_at; /* among the names */
};

/* False where nothing is to be done. */
static bool make_plan(const struct names *names, enum vox_uncertain mode, struct plan *plan,
                      const char **why)
{
    static const char *const uncertain[] = {"uncertain", NULL}, *const agreed[] = {"intersection",
                                                                                   NULL};
    int others = 0, other = -1, named = -1;
    plan->uncertain_at = -1;
    for (int i = 0; i < names->n; i++) {
        if (is_one_of(names->at[i], uncertain)) {
            plan->uncertain_at = i;
        } else {
            others++;
            other = i;
            named = is_one_of(names->at[i], agreed) ? i : named;
        }
    }
    if (plan->uncertain_at < 0) {
        return false;
    }
    plan->uncertain = names->values[plan->uncertain_at];
    plan->target = 0;
    if (mode == VOX_UNCERTAIN_MERGE) {
        other = named >= 0 ? named : others == 1 ? other : -1;
        if (other < 0) {
            *why =
                "a label was kept as it came: its uncertain voxels can be merged only into a label "
                "called intersection or into the only other one";
            return false;
        }
        plan->target = names->values[other];
    }
    return true;
}

static bool has_value(const struct vox_label_map *map, int64_t value)
{
    const int32_t *values;
    size_t n = vox_label_map_values(map, &values);
    for (size_t i = 0; i < n; i++) {
        if (values[i] == value) {
            return true;
        }
    }
    return false;
}

/* Whether voxels can have a value; it may come from a header or from a client. */
static bool fits(enum vox_voxel_type type, int64_t value)
{
    switch (type) {
    case VOX_VOXEL_U8:
        return value >= 0 && value <= UINT8_MAX;
    case VOX_VOXEL_I8:
        return value >= INT8_MIN && value <= INT8_MAX;
    case VOX_VOXEL_U16:
        return value >= 0 && value <= UINT16_MAX;
    case VOX_VOXEL_I16:
        return value >= INT16_MIN && value <= INT16_MAX;
    case VOX_VOXEL_U32:
        return value >= 0 && value <= UINT32_MAX;
    case VOX_VOXEL_I32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case VOX_VOXEL_U64:
        return value >= 0;
    case VOX_VOXEL_I64:
        return true;
    case VOX_VOXEL_F32:
    case VOX_VOXEL_F64:
        break;
    }
    /* Whole numbers that a float holds exactly. */
    return value >= -(1 << 24) && value <= 1 << 24;
}

/* The bytes of a label's value as a voxel. */
static void store_value(enum vox_voxel_type type, int64_t value, uint8_t bytes[8])
{
    const uint8_t u8 = (uint8_t)value;
    const uint16_t u16 = (uint16_t)value;
    const uint32_t u32 = (uint32_t)value;
    const uint64_t u64 = (uint64_t)value;
    const float f32 = (float)value;
    const double f64 = (double)value;
    const void *from = &u64;
    if (type == VOX_VOXEL_F32) {
        from = &f32;
    } else if (type == VOX_VOXEL_F64) {
        from = &f64;
    } else if (vox_voxel_size(type) == 1) {
        from = &u8;
    } else if (vox_voxel_size(type) == 2) {
        from = &u16;
    } else if (vox_voxel_size(type) == 4) {
        from = &u32;
    }
    memcpy(bytes, from, vox_voxel_size(type));
}

static enum vox_code replace(const struct vox_label_map *map, const struct plan *plan,
                             struct vox_volume *volume, struct vox_err *err)
{
    size_t width = vox_voxel_size(volume->type);
    size_t plane = (size_t)volume->size[0] * (size_t)volume->size[1];
    uint8_t bytes[8] = {0};
    uint8_t *mask = vox_alloc(plane);
    if (mask == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    store_value(volume->type, plan->target, bytes);
    for (int64_t k = 0; k < volume->size[2]; k++) {
        uint8_t *slice = (uint8_t *)volume->voxels + (size_t)k * plane * width;
        if (vox_label_map_value_slice(map, plan->uncertain, k, mask) == 0) {
            continue;
        }
        for (size_t i = 0; i < plane; i++) {
            if (mask[i] != 0) {
                memcpy(slice + i * width, bytes, width);
            }
        }
    }
    vox_free(mask);
    return VOX_OK;
}

static enum vox_code write_label(const char *out, const struct vox_label_map *map,
                                 const struct plan *plan, const struct vox_volume *volume,
                                 struct vox_err *err)
{
    struct vox_segment_info *segments =
        vox_calloc((size_t)vox_label_map_segments(map) + 1, sizeof(*segments));
    if (segments == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    struct vox_write_options options = vox_write_options_default(out);
    options.segments = segments;
    for (int i = 0; i < vox_label_map_segments(map); i++) {
        const struct vox_segment_info *segment = vox_label_map_segment(map, i);
        if (segment->value != plan->uncertain) {
            segments[options.n_segments++] = *segment;
        }
    }
    struct vox_slice_array array = vox_slice_array(volume->size, volume->type, volume->voxels);
    const struct vox_slice_supply supply = vox_slice_array_supply(&array);
    struct vox_file_writer *file = NULL;
    enum vox_code code = vox_volume_prepare(out, &volume->geometry, volume->size, volume->type,
                                            &supply, &options, NULL, &file, err);
    vox_free(segments);
    return code == VOX_OK ? vox_file_commit(file, err) : code;
}

static enum vox_code rewrite(const char *path, const char *out, const struct vox_label_map *map,
                             const struct plan *plan, const struct vox_volume_limits *limits,
                             bool *written, struct vox_err *err)
{
    struct vox_volume *volume;
    enum vox_code code = vox_volume_read(path, limits, &volume, err);
    if (code != VOX_OK) {
        return code;
    }
    bool plain = !(volume->slope < 1.0 || volume->slope > 1.0 || volume->intercept < 0.0 ||
                   volume->intercept > 0.0);
    if (plain && fits(volume->type, plan->target)) {
        code = replace(map, plan, volume, err);
        code = code == VOX_OK ? write_label(out, map, plan, volume, err) : code;
        *written = code == VOX_OK;
    } else {
        code = vox_fail(err, VOX_E_UNSUPPORTED, "the label's voxels cannot have the value");
    }
    vox_volume_free(volume);
    return code;
}

static enum vox_code plan_and_rewrite(const char *path, const char *out,
                                      const struct vox_label_map *map, const struct vox_json *info,
                                      enum vox_uncertain mode,
                                      const struct vox_volume_limits *limits, bool *written,
                                      const char **why, struct vox_err *err)
{
    struct plan plan;
    struct names *names = vox_calloc(1, sizeof(*names));
    if (names == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (vox_label_map_segments(map) > 0) {
        read_segments(names, map);
    } else {
        read_label_info(names, info);
    }
    bool wanted = make_plan(names, mode, &plan, why) && has_value(map, plan.uncertain);
    vox_free(names);
    return wanted ? rewrite(path, out, map, &plan, limits, written, err) : VOX_OK;
}

enum vox_code vox_uncertain_rewrite(const char *path, const char *out, const char *info,
                                    enum vox_uncertain mode, const struct vox_volume_limits *limits,
                                    bool *written, const char **why, struct vox_err *err)
{
    struct vox_label_map *map = NULL;
    struct vox_json *json = NULL;
    const char *reason = NULL;
    bool done = false;
    struct vox_err own = {0};
    enum vox_code code = vox_info_parse(info, &json, &own);
    if (code == VOX_OK) {
        code = vox_label_map_read(path, limits, &map, &own);
    }
    if (code == VOX_OK) {
        code = plan_and_rewrite(path, out, map, json, mode, limits, &done, &reason, &own);
    }
    vox_label_map_free(map);
    if (json != NULL) {
        vox_json_free(json);
    }
    if (code != VOX_OK && code != VOX_E_NOMEM && code != VOX_E_IO) {
        reason = "a label was kept as it came: its voxels cannot be rewritten";
        code = VOX_OK;
    }
    if (code == VOX_OK) {
        *written = done;
        if (why != NULL) {
            *why = reason;
        }
    } else if (err != NULL) {
        *err = own;
    }
    return code;
}
