/* The description of all addresses, from src/server/openapi.json. */
#ifndef VOX_SERVER_OPENAPI_H
#define VOX_SERVER_OPENAPI_H

#include <stddef.h>

extern const char vox_openapi_text[];
extern const size_t vox_openapi_size;

#endif
