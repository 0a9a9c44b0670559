/* What the numbers that 'voxlabel doctor' measures mean: no look at the machine, so that every
 * machine can be judged. */
#ifndef VOX_APP_DOCTOR_JUDGE_H
#define VOX_APP_DOCTOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/verdict.h"

struct vox_judgement {
    enum vox_verdict verdict;
    const char *remedy; /* static; NULL where none is needed */
};

/* Bytes that a run may take. */
struct vox_judgement vox_judge_memory(uint64_t available);

/* Bytes that are free where models or slices are kept. */
struct vox_judgement vox_judge_room(uint64_t available);

/* CPUs that the process may use, and of how many its quota lets it have the time (0: no quota). */
struct vox_judgement vox_judge_threads(int cpus, double quota);

/* Seconds since 1970: of the clock, and when the program's file was written. */
struct vox_judgement vox_judge_clock(int64_t now, int64_t program);

/* Flags of the CPU, divided by blanks, as Linux names them; whether it is an x86. */
struct vox_judgement vox_judge_cpu(const char *flags, bool x86);

#endif
