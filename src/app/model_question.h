/* Asking on a terminal. */
#ifndef VOX_APP_MODEL_QUESTION_H
#define VOX_APP_MODEL_QUESTION_H

#include <stdbool.h>

/* Whether somebody is there to answer. */
bool vox_can_ask(void);

/* Prints a question and reads one line; true for "yes" or "y". */
bool vox_ask(const char *question);

#endif
