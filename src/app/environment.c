#include "app/environment.h"

#include <stddef.h>
#include <stdlib.h>

const char *vox_environment(const char *name)
{
    /* Nothing in this program changes the environment. */
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
    return value != NULL && value[0] != '\0' ? value : NULL;
}
