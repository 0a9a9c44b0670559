/* A tiny font of our own for pictures: digits and the letters of the body's directions. */
#ifndef VOX_PIPELINE_PREVIEW_GLYPHS_H
#define VOX_PIPELINE_PREVIEW_GLYPHS_H

#include <stdint.h>

enum { VOX_GLYPH_WIDTH = 5, VOX_GLYPH_HEIGHT = 7 };

/* The rows of a character from above, bit 4 the leftmost pixel; NULL unless it is one of
 * "0123456789-RLAPSI". Static. */
const uint8_t *vox_preview_glyph(char character);

#endif
