/* YAML text as a tree of nodes. The subset that configuration files need: one document of mappings,
 * sequences and scalars. Anchors, aliases, tags, merge keys and duplicate keys are refused by name.
 *
 * Bounds: 1 MiB of text, 64 levels, 65,536 nodes, 1,024 keys in a mapping. A document is immutable
 * and may be read by several threads; its nodes live as long as it does. */
#ifndef VOX_UTIL_YAML_H
#define VOX_UTIL_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum {
    VOX_YAML_MAX_BYTES = 1 << 20,
    VOX_YAML_MAX_DEPTH = 64,
    VOX_YAML_MAX_NODES = 65536,
    VOX_YAML_MAX_KEYS = 1024
};

enum vox_yaml_kind { VOX_YAML_SCALAR, VOX_YAML_SEQUENCE, VOX_YAML_MAPPING };

struct vox_yaml;
struct vox_yaml_node;

/* Reads `size` bytes of UTF-8 text. The caller owns *out and ends it with vox_yaml_free.
 * VOX_E_FORMAT with the line for a damaged document, VOX_E_UNSUPPORTED for what is outside the
 * subset, VOX_E_LIMIT beyond a bound. */
enum vox_code vox_yaml_parse(const char *text, size_t size, struct vox_yaml **out,
                             struct vox_err *err) VOX_MUST_USE;

void vox_yaml_free(struct vox_yaml *yaml); /* NULL is allowed */

/* The document's node; NULL where the text holds none. */
const struct vox_yaml_node *vox_yaml_root(const struct vox_yaml *yaml);

enum vox_yaml_kind vox_yaml_kind(const struct vox_yaml_node *node);
size_t vox_yaml_line(const struct vox_yaml_node *node); /* 1-based */

/* Children of a mapping or sequence, in the order of the text. */
const struct vox_yaml_node *vox_yaml_first(const struct vox_yaml_node *node);
const struct vox_yaml_node *vox_yaml_next(const struct vox_yaml_node *node);

/* The key of a mapping's child. */
const char *vox_yaml_key(const struct vox_yaml_node *node);

/* The child of that key, or NULL where there is none or `mapping` is none. */
const struct vox_yaml_node *vox_yaml_get(const struct vox_yaml_node *mapping, const char *key);

/* A scalar's text; NULL for other nodes. */
const char *vox_yaml_text(const struct vox_yaml_node *node);

/* The values of plain (unquoted) scalars: null or ~ or nothing; true or false; a decimal number.
 * False, and *out untouched, for anything else and for numbers that do not fit. Reals are finite
 * and may be written without a point (1e-6). */
bool vox_yaml_is_null(const struct vox_yaml_node *node);
bool vox_yaml_bool(const struct vox_yaml_node *node, bool *out) VOX_MUST_USE;
bool vox_yaml_int(const struct vox_yaml_node *node, int64_t *out) VOX_MUST_USE;
bool vox_yaml_real(const struct vox_yaml_node *node, double *out) VOX_MUST_USE;

#endif
