/* How something stands. */
#ifndef VOX_APP_VERDICT_H
#define VOX_APP_VERDICT_H

enum vox_verdict {
    VOX_VERDICT_OK,
    VOX_VERDICT_WARN, /* it works, but somebody should know */
    VOX_VERDICT_FAIL
};

/* "ok", "warn", "fail"; static. */
const char *vox_verdict_name(enum vox_verdict verdict);

#endif
