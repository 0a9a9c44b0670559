#include "server/http_date.h"

#include <stdio.h>
#include <string.h>

void vox_http_date(time_t time, char out[VOX_HTTP_DATE_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm parts;
    memset(&parts, 0, sizeof(parts));
    if (gmtime_r(&time, &parts) == NULL) {
        parts.tm_year = 70;
        parts.tm_mday = 1;
    }
    (void)snprintf(out, VOX_HTTP_DATE_BYTES, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   days + 3 * parts.tm_wday, parts.tm_mday, months + 3 * parts.tm_mon,
                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}
