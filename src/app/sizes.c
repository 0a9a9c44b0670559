#include "app/sizes.h"

#include <stdio.h>
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

void vox_bytes_text(uint64_t bytes, char text[VOX_BYTES_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024.0;
    int unit = 0;
    if (bytes < 1024) {
        snprintf(text, VOX_BYTES_TEXT, "%d bytes", (int)bytes);
        return;
    }
    while (value >= 1000.0 && unit < 3) {
        value /= 1024.0;
        unit++;
    }
    snprintf(text, VOX_BYTES_TEXT, "%.1f %s", value, units[unit]);
}
