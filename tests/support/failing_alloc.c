#include "support/failing_alloc.h"

#include <stdatomic.h>
#include <stddef.h>

static atomic_long left;
static atomic_bool failed;

void *__real_vox_alloc(size_t size);
void *__real_vox_calloc(size_t count, size_t size);
void *__real_vox_realloc(void *block, size_t old_size, size_t new_size);
char *__real_vox_strdup(const char *text);
void *__wrap_vox_alloc(size_t size);
void *__wrap_vox_calloc(size_t count, size_t size);
void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size);
char *__wrap_vox_strdup(const char *text);

void vox_fail_allocation(long k)
{
    atomic_store(&failed, false);
    atomic_store(&left, k);
}

bool vox_allocation_failed(void)
{
    return atomic_load(&failed);
}

static bool fails(void)
{
    if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1) {
        atomic_store(&failed, true);
        return true;
    }
    return false;
}

void *__wrap_vox_alloc(size_t size)
{
    return fails() ? NULL : __real_vox_alloc(size);
}

void *__wrap_vox_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_vox_calloc(count, size);
}

void *__wrap_vox_realloc(void *block, size_t old_size, size_t new_size)
{
    return fails() ? NULL : __real_vox_realloc(block, old_size, new_size);
}

char *__wrap_vox_strdup(const char *text)
{
    return fails() ? NULL : __real_vox_strdup(text);
}
