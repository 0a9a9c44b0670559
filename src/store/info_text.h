/* JSON objects as texts without white space, as the datastore keeps what is free-form. */
#ifndef VOX_STORE_INFO_TEXT_H
#define VOX_STORE_INFO_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/json.h"

/* Parses an object that the datastore keeps already. VOX_E_FORMAT, VOX_E_LIMIT, VOX_E_NOMEM. */
enum vox_code vox_info_parse(const char *text, struct vox_json **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Whether a client's text (NULL: {}) may be kept: an object of at most 4 MiB and 48 levels.
 * VOX_E_ARG, VOX_E_LIMIT, VOX_E_NOMEM. */
enum vox_code vox_info_check(const char *text, struct vox_err *err) VOX_MUST_USE;

/* The members whose keys are not in `known`, which NULL ends. json NULL stands for {}. The caller
 * frees *out with vox_free, as below. */
enum vox_code vox_info_others(const struct vox_json *json, const char *const *known, char **out,
                              struct vox_err *err) VOX_MUST_USE;

/* A member to set: text, or integer, or raw JSON. */
struct vox_info_member {
    const char *key;
    const char *text; /* NULL: none */
    const char *raw;  /* NULL: none */
    int64_t integer;
};

/* `info` with the members of `patch` (NULL: {}) and then `members` in the place of those of the
 * same name, new ones at the end. */
enum vox_code vox_info_merge(const char *info, const char *patch,
                             const struct vox_info_member *members, size_t n, char **out,
                             struct vox_err *err) VOX_MUST_USE;

/* `info` with info.strategy.<strategy> = {"ts", "client_id"}. Those of older lists, which begin
 * with `numbered` (NULL: none) and are others, go. */
enum vox_code vox_info_note_strategy(const char *info, const char *strategy, const char *numbered,
                                     int64_t ts, const char *client, char **out,
                                     struct vox_err *err) VOX_MUST_USE;

/* info.strategy.<strategy>.ts; 0 if there is none. */
int64_t vox_info_served(const char *info, const char *strategy);

#endif
