/* What a MONAI Label server reads of its environment and what becomes of it here. */
#ifndef VOX_APP_SETTINGS_THEIRS_H
#define VOX_APP_SETTINGS_THEIRS_H

enum vox_their_kind {
    VOX_THEIRS_TAKEN,   /* as the setting `flag` */
    VOX_THEIRS_REFUSED, /* unless it is empty or `standard`: the start stops */
    VOX_THEIRS_IDLE     /* has no effect here, which is said */
};

struct vox_their_variable {
    const char *name; /* "MONAI_LABEL_STUDIES" */
    enum vox_their_kind kind;
    const char *flag;     /* "--studies"; NULL unless taken */
    const char *standard; /* the value that MONAI Label has without it */
    const char *reason;   /* half a sentence; NULL where it is taken */
};

/* The i-th, NULL beyond the last; of several with one setting the first that is set counts. */
const struct vox_their_variable *vox_their_variable_at(int i);

#endif
