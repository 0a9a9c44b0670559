#include "app/sizes.h"

#include <string.h>

#include "app/arguments.h"

bool vox_read_bytes(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    const char *at = text;
    double value;
    if (!vox_read_real(&at, &value)) {
        return false;
    }
    const char *unit = *at != '\0' ? strchr(units, *at) : NULL;
    if (unit != NULL) {
        for (const char *u = units; u <= unit; u++) {
            value *= 1024.0;
        }
        at++;
        if (strcmp(at, "iB") == 0 || strcmp(at, "B") == 0) {
            at += strlen(at);
        }
    }
    if (*at != '\0' || !(value >= 0.0 && value < 9.0e18)) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}
