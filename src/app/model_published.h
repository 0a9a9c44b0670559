/* Checkpoints that others publish and this program can fetch by name. */
#ifndef VOX_APP_MODEL_PUBLISHED_H
#define VOX_APP_MODEL_PUBLISHED_H

#include <stdint.h>

struct vox_published_model {
    const char *name;
    const char *file;        /* as published */
    const char *summary;     /* half a line */
    const char *sha256;      /* NULL: recorded when it is first fetched */
    uint64_t size;           /* bytes; 0: not known */
    const char *unsupported; /* why this program cannot run it; NULL: it can */
};

/* No published file is larger; a bound on what a server may send. */
extern const uint64_t vox_published_max_bytes;

/* Where the files are, without a slash at the end, and the page that describes them. */
extern const char vox_published_folder[];
extern const char vox_published_page[];

/* What whoever takes one of the files must agree to; lines. */
extern const char vox_published_licence[];

/* The i-th, NULL beyond the last. */
const struct vox_published_model *vox_published_model_at(int i);

/* The one of that name, or NULL. */
const struct vox_published_model *vox_published_model_find(const char *name);

#endif
