#include "app/verdict.h"

const char *vox_verdict_name(enum vox_verdict verdict)
{
    static const char *const names[] = {"ok", "warn", "fail"};
    return names[verdict];
}
