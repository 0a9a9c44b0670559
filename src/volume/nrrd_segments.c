#include <string.h>

#include "util/memory.h"
#include "util/number_text.h"
#include "util/utf8.h"
#include "volume/nrrd.h"
#include "volume/nrrd_header.h"
#include "volume/segment_list.h"

/* "SegmentN_KEY:=value" (vtkMRMLSegmentationStorageNode.cxx of 3D Slicer). */
struct entry {
    int64_t segment; /* N, or -1 for keys of the whole segmentation */
    struct vox_span key, value;
};

static bool starts_with(struct vox_span span, const char *text, struct vox_span *rest)
{
    size_t size = strlen(text);
    if (span.size < size || memcmp(span.at, text, size) != 0) {
        return false;
    }
    *rest = (struct vox_span){span.at + size, span.size - size};
    return true;
}

static bool parse_entry(struct vox_span line, struct entry *out)
{
    size_t sign = 0;
    while (sign + 1 < line.size && !(line.at[sign] == ':' && line.at[sign + 1] == '=')) {
        sign++;
    }
    if (sign + 1 >= line.size || line.at[0] == '#') {
        return false;
    }
    out->value = (struct vox_span){line.at + sign + 2, line.size - sign - 2};
    struct vox_span key = {line.at, sign};
    out->segment = -1;
    if (starts_with(key, "Segmentation_", &out->key)) {
        return true;
    }
    if (!starts_with(key, "Segment", &key)) {
        return false;
    }
    const char *bar = key.size == 0 ? NULL : memchr(key.at, '_', key.size);
    if (bar == NULL || !vox_text_to_int(key.at, (size_t)(bar - key.at), &out->segment) ||
        out->segment < 0) {
        return false;
    }
    size_t digits = (size_t)(bar - key.at) + 1;
    out->key = (struct vox_span){key.at + digits, key.size - digits};
    return true;
}

/* The next entry of the header that tells of segments; false at its end. */
static bool next_entry(struct vox_span *rest, struct entry *out)
{
    struct vox_span line;
    while (vox_span_next_line(rest, &line)) {
        if (line.size > 0 && parse_entry(line, out)) {
            return true;
        }
    }
    return false;
}

/* Segments are numbered from 0 without a gap; what comes behind one is not there for Slicer
 * either. */
static enum vox_code count_segments(struct vox_span header, int *count, size_t *text_bytes,
                                    struct vox_err *err)
{
    static const size_t room = VOX_SEGMENTS_MAX + 1;
    bool *seen = vox_calloc(room, sizeof(*seen));
    if (seen == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    struct entry entry;
    *text_bytes = 1;
    while (next_entry(&header, &entry)) {
        if (vox_span_is(entry.key, "ID") || vox_span_is(entry.key, "Name")) {
            *text_bytes += entry.value.size + 1;
            if (entry.segment >= 0 && entry.segment <= VOX_SEGMENTS_MAX) {
                seen[entry.segment] = true;
            }
        }
    }
    *count = 0;
    while (*count <= VOX_SEGMENTS_MAX && seen[*count]) {
        ++*count;
    }
    vox_free(seen);
    if (*count > VOX_SEGMENTS_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "more than %d segments", VOX_SEGMENTS_MAX);
    }
    return VOX_OK;
}

/* Undoes NRRD's escapes; bytes that are no UTF-8 and control characters become question marks.
 * Moves *texts behind what it wrote. */
static const char *keep_text(struct vox_span value, char **texts)
{
    char *out = *texts;
    size_t size = 0;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.at[i];
        if (c == '\\' && i + 1 < value.size &&
            (value.at[i + 1] == 'n' || value.at[i + 1] == '\\')) {
            i++;
            c = value.at[i] == 'n' ? ' ' : '\\';
        }
        out[size++] = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
    }
    out[size] = '\0';
    for (char *at = out; *at != '\0';) {
        size_t n = vox_utf8_size(at);
        if (n == 0) {
            *at = '?';
            n = 1;
        }
        at += n;
    }
    *texts += size + 1;
    return out;
}

static bool parse_ints(struct vox_span value, int count, int64_t *out)
{
    struct vox_span word;
    int n = 0;
    while (n < count && vox_span_next_word(&value, &word)) {
        if (!vox_text_to_int(word.at, word.size, &out[n])) {
            return false;
        }
        n++;
    }
    return n == count && !vox_span_next_word(&value, &word);
}

/* A colour that cannot be understood is none. */
static bool parse_color(struct vox_span value, double color[3])
{
    struct vox_span word;
    for (int i = 0; i < 3; i++) {
        if (!vox_span_next_word(&value, &word) ||
            !vox_text_to_double(word.at, word.size, &color[i]) ||
            !(color[i] >= 0 && color[i] <= 1)) {
            return false;
        }
    }
    return true;
}

static enum vox_code need_int(const struct entry *entry, int64_t *out, struct vox_err *err)
{
    struct vox_span value = vox_span_trim(entry->value);
    if (!vox_text_to_int(value.at, value.size, out)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the %s of segment %d in the NRRD header is not a whole "
                        "number",
                        vox_span_is(entry->key, "Layer") ? "layer" : "label value",
                        (int)entry->segment);
    }
    return VOX_OK;
}

static enum vox_code fill_segment(const struct entry *entry, struct vox_segment_info *segment,
                                  char **texts, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    if (vox_span_is(entry->key, "ID")) {
        segment->id = keep_text(entry->value, texts);
    } else if (vox_span_is(entry->key, "Name")) {
        segment->name = keep_text(entry->value, texts);
    } else if (vox_span_is(entry->key, "LabelValue")) {
        code = need_int(entry, &segment->value, err);
        if (code == VOX_OK && segment->value < 0) {
            return vox_fail(err, VOX_E_FORMAT, "a segment in the NRRD header has a negative value");
        }
    } else if (vox_span_is(entry->key, "Layer")) {
        int64_t layer;
        code = need_int(entry, &layer, err);
        if (code == VOX_OK && (layer < 0 || layer >= VOX_LAYERS_MAX)) {
            return vox_fail(err, VOX_E_FORMAT, "a segment lies in a layer that is not there");
        }
        if (code == VOX_OK) {
            segment->layer = (int)layer;
        }
    } else if (vox_span_is(entry->key, "Color")) {
        segment->has_color = parse_color(entry->value, segment->color);
    } else if (vox_span_is(entry->key, "Extent")) {
        segment->has_extent = parse_ints(entry->value, 6, segment->extent);
    }
    return code;
}

static enum vox_code fill(struct vox_span header, struct vox_segment_list *list,
                          struct vox_err *err)
{
    char *texts = list->texts;
    struct entry entry;
    enum vox_code code = VOX_OK;
    for (int i = 0; i < list->n; i++) {
        list->at[i].value = -1;
        list->at[i].layer = -1;
    }
    *texts++ = '\0';
    while (code == VOX_OK && next_entry(&header, &entry)) {
        if (entry.segment >= 0 && entry.segment < list->n) {
            code = fill_segment(&entry, &list->at[entry.segment], &texts, err);
        } else if (entry.segment < 0 && vox_span_is(entry.key, "ReferenceImageExtentOffset")) {
            list->has_offset = parse_ints(entry.value, 3, list->offset);
        }
    }
    for (int i = 0; i < list->n; i++) {
        struct vox_segment_info *segment = &list->at[i];
        segment->id = segment->id == NULL ? list->texts : segment->id;
        segment->name = segment->name == NULL ? segment->id : segment->name;
    }
    return code;
}

enum vox_code vox_nrrd_segments(const struct vox_content *content, struct vox_segment_list *out,
                                struct vox_err *err)
{
    struct vox_nrrd_header header;
    struct vox_segment_list list = {0};
    size_t text_bytes;
    enum vox_code code = vox_nrrd_header_read(content->data, content->size, &header, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_span text = {(const char *)content->data, header.end};
    code = count_segments(text, &list.n, &text_bytes, err);
    if (code != VOX_OK) {
        return code;
    }
    list.at = vox_calloc((size_t)list.n, sizeof(*list.at));
    list.texts = vox_alloc(text_bytes);
    if (list.at == NULL || list.texts == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    } else {
        code = fill(text, &list, err);
    }
    if (code != VOX_OK) {
        vox_segment_list_free(&list);
        return code;
    }
    *out = list;
    return VOX_OK;
}
