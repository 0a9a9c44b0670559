/* The state of the pickle interpreter (pickle.c), which keeps the values that pickle_values.c
 * shows. Nobody else includes this. */
#ifndef VOX_MODEL_PICKLE_MACHINE_H
#define VOX_MODEL_PICKLE_MACHINE_H

#include "model/pickle.h"

enum { VOX_NO_CHUNK = -1 };

/* Pairs that one instruction set: key, value, key, value... in `members`. */
struct vox_pickle_chunk {
    uint32_t first;
    uint32_t pairs;
    int32_t next;
};

/* Values are indices into `values`. A dict's `number` is its first chunk or VOX_NO_CHUNK, its
 * `count` the last one; a tuple's, storage's or tensor's `number` is its first member, a text's the
 * place of its first byte. */
struct vox_pickle {
    const uint8_t *data;
    size_t size;
    size_t at;
    struct vox_pickle_value *values;
    size_t n_values, values_room;
    uint32_t *members; /* of tuples and dicts */
    size_t n_members, members_room;
    struct vox_pickle_chunk *chunks;
    size_t n_chunks, chunks_room;
    uint32_t *stack;
    size_t depth, stack_room;
    uint32_t *memo; /* 0 where nothing is stored, else the value plus 1 */
    size_t memo_room;
    uint32_t *marks; /* stack depths */
    size_t n_marks;
    uint32_t root;
};

#endif
