/* Dates as HTTP writes them. */
#ifndef VOX_SERVER_HTTP_DATE_H
#define VOX_SERVER_HTTP_DATE_H

#include <time.h>

enum { VOX_HTTP_DATE_BYTES = 40 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7), in any locale. */
void vox_http_date(time_t time, char out[VOX_HTTP_DATE_BYTES]);

#endif
