/* Lets the k-th allocation of a test fail. Link vox_failing_alloc: it replaces vox_alloc,
 * vox_calloc, vox_realloc and vox_strdup at every call from another file than util/memory.c. One
 * thread counts at a time. */
#ifndef VOX_SUPPORT_FAILING_ALLOC_H
#define VOX_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>

/* Allocation number `k` from now on (1 is the next) fails, once; 0: none does. */
void vox_fail_allocation(long k);

/* Whether that allocation has come. */
bool vox_allocation_failed(void);

#endif
