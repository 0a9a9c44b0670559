/* The strategies that there are. */
#ifndef VOX_STORE_STRATEGY_ROWS_H
#define VOX_STORE_STRATEGY_ROWS_H

#include "store/strategy.h"

extern const struct vox_strategy vox_first_strategy, vox_random_strategy, vox_image_strategy;

enum { VOX_STRATEGY_KEY = 128 };

/* Under which key it is written down that a strategy handed an image out: its name, or "img_0007"
 * without the file's name. */
void vox_strategy_key(const struct vox_strategy *row, const struct vox_image_record *image,
                      const char *asked, char key[VOX_STRATEGY_KEY]);

#endif
