#include "util/utf8.h"

#include <stdbool.h>

static bool continues(const unsigned char *at, int n)
{
    for (int i = 1; i <= n; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return false; /* the NUL at the end as well */
        }
    }
    return true;
}

/* RFC 3629, section 4. */
size_t vox_utf8_size(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80) {
        return 1;
    }
    if (at[0] >= 0xC2 && at[0] <= 0xDF) {
        return continues(at, 1) ? 2 : 0;
    }
    if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        bool overlong = at[0] == 0xE0 && at[1] < 0xA0;
        bool surrogate = at[0] == 0xED && at[1] > 0x9F;
        return !overlong && !surrogate && continues(at, 2) ? 3 : 0;
    }
    if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        bool overlong = at[0] == 0xF0 && at[1] < 0x90;
        bool beyond = at[0] == 0xF4 && at[1] > 0x8F;
        return !overlong && !beyond && continues(at, 3) ? 4 : 0;
    }
    return 0;
}
