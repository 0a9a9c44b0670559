/* Plain types of libvoxlabel's interface, shared by the library and its users. */
#ifndef VOXLABEL_TYPES_H
#define VOXLABEL_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

#define VOX_API __attribute__((visibility("default")))

/* What became of a call; says what the caller can do. */
enum vox_code {
    VOX_OK = 0,
    VOX_E_ARG,         /* the caller's argument is wrong */
    VOX_E_NOMEM,       /* no memory; the same call may succeed later */
    VOX_E_IO,          /* the operating system refused; see sys */
    VOX_E_FORMAT,      /* the input is damaged or not what it claims to be */
    VOX_E_LIMIT,       /* the input is beyond a configured bound */
    VOX_E_UNSUPPORTED, /* the input is valid, but this program does not handle it */
    VOX_E_BACKEND,     /* a compute backend failed */
    VOX_E_NOT_FOUND,   /* no such file, tensor, object */
    VOX_E_BUSY,        /* try again later */
    VOX_E_CANCELLED,   /* the caller asked to stop */
    VOX_E_INTERNAL     /* a defect of this program */
};

/* A static name of the code, e.g. "format"; never NULL. Any thread. */
VOX_API const char *vox_code_name(enum vox_code code);

/* An error's text; belongs to the caller, one thread at a time. */
struct vox_err {
    enum vox_code code;
    int sys;       /* errno or a library's own code; 0 if none */
    char msg[400]; /* one sentence, no newline, never a path or a patient's name */
};

/* How a voxel is stored. */
enum vox_voxel_type {
    VOX_VOXEL_U8,
    VOX_VOXEL_I8,
    VOX_VOXEL_U16,
    VOX_VOXEL_I16,
    VOX_VOXEL_U32,
    VOX_VOXEL_I32,
    VOX_VOXEL_U64,
    VOX_VOXEL_I64,
    VOX_VOXEL_F32,
    VOX_VOXEL_F64
};

#ifdef __cplusplus
}
#endif

#endif
