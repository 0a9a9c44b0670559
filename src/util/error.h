/* Errors: a code that says what the caller can do, and a text that the caller owns.
 *
 * Every function that can fail returns enum vox_code and takes a struct vox_err * as its last
 * argument. It either succeeds and sets all its outputs, or fails and touches none. vox_fail() is
 * the only way to raise, so an error is never set without being returned. A struct vox_err belongs
 * to one thread at a time; it may travel with a job. */
#ifndef VOX_UTIL_ERROR_H
#define VOX_UTIL_ERROR_H

#include "voxlabel/types.h"

#define VOX_MUST_USE __attribute__((warn_unused_result))
#define VOX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Fills *err (which may be NULL) and returns code. The text is cut to fit; control bytes become
 * '?'. */
enum vox_code vox_fail(struct vox_err *err, enum vox_code code, const char *format, ...)
    VOX_PRINTF(3, 4) VOX_MUST_USE;

/* As vox_fail, and keeps the operating system's or library's number. */
enum vox_code vox_fail_sys(struct vox_err *err, enum vox_code code, int sys, const char *format,
                           ...) VOX_PRINTF(4, 5) VOX_MUST_USE;

/* Puts "prefix: " before the text of an error that a lower layer raised, and returns its code.
 * For a layer that knows more ("slice 31"); never restates what the text says already. */
enum vox_code vox_err_prefix(struct vox_err *err, enum vox_code code, const char *format, ...)
    VOX_PRINTF(3, 4) VOX_MUST_USE;

/* Compilers and analyzers do not look into error.c; the macros tell them that the code comes back,
 * so that they do not follow paths on which a raised error counts as success. `code` is named twice
 * and must be a constant or a variable. */
#define vox_fail(err, code, ...) ((void)!(vox_fail)(err, code, __VA_ARGS__), (enum vox_code)(code))
#define vox_fail_sys(err, code, sys, ...)                                                          \
    ((void)!(vox_fail_sys)(err, code, sys, __VA_ARGS__), (enum vox_code)(code))
#define vox_err_prefix(err, code, ...)                                                             \
    ((void)!(vox_err_prefix)(err, code, __VA_ARGS__), (enum vox_code)(code))

/* Ends the process with a message where one of our own invariants is broken; stays on in release
 * builds, because a wrong mask is worse than a restart. Never for input. */
#define VOX_ASSERT(cond) ((cond) ? (void)0 : vox_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void vox_assert_failed(const char *cond, const char *file, int line);

#endif
