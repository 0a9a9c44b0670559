/* Elapsed time. */
#ifndef VOX_PIPELINE_STOPWATCH_H
#define VOX_PIPELINE_STOPWATCH_H

/* Seconds of a clock that nobody sets; only differences mean something. Any thread. */
double vox_seconds(void);

#endif
