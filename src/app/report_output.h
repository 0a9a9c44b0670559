/* Where the reports of info and compare go: standard output or a file. */
#ifndef VOX_APP_REPORT_OUTPUT_H
#define VOX_APP_REPORT_OUTPUT_H

#include "util/json_writer.h"

/* Finds out before the work whether a report can be written to `path` ("-": standard output, NULL:
 * none): it may be neither one of the inputs nor a folder or device. Returns 0, or the exit status
 * after it said what is wrong. */
int vox_report_try(const char *path, const char *const *inputs, int n_inputs);

/* Writes what was made to `path`, complete or not at all, or to standard output for "-", and frees
 * the writer (NULL: there was no memory for one). Returns 0, or VOX_EXIT_FAILURE after it said what
 * is wrong. Catches signals from here on. */
int vox_report_write(struct vox_json_writer *json, const char *path);

/* What was printed must have arrived: returns `status`, or VOX_EXIT_FAILURE after it said that
 * standard output could not be written. */
int vox_stdout_finish(int status);

#endif
