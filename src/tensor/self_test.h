/* A backend's proof against the plain C one, on a few small shapes, when it is opened. */
#ifndef VOX_TENSOR_SELF_TEST_H
#define VOX_TENSOR_SELF_TEST_H

#include "tensor/backend.h"

/* VOX_E_BACKEND, naming the operator, where any result differs from ref by more than its tolerance
 * or is NaN. */
enum vox_code vox_backend_self_test(struct vox_backend *be, struct vox_err *err) VOX_MUST_USE;

#endif
