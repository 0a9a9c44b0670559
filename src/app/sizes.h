/* Sizes as people write them. */
#ifndef VOX_APP_SIZES_H
#define VOX_APP_SIZES_H

#include <stdbool.h>
#include <stdint.h>

/* "4096", "512M", "1G", "1.5T" (powers of 1024; K, M, G, T, and B or iB behind them are allowed).
 * False, and nothing changed, for anything else. */
bool vox_read_bytes(const char *text, uint64_t *out);

enum { VOX_BYTES_TEXT = 24 };

/* "148.8 MiB" */
void vox_bytes_text(uint64_t bytes, char text[VOX_BYTES_TEXT]);

#endif
