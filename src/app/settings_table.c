#include <ctype.h>
#include <string.h>

#include "app/settings.h"

#define SETTING(kind, member, flag, value, choices, standard, least, most, help)                   \
    {VOX_SETTING_##kind,                                                                           \
     offsetof(struct vox_serve_values, member),                                                    \
     flag,                                                                                         \
     value,                                                                                        \
     choices,                                                                                      \
     standard,                                                                                     \
     least,                                                                                        \
     most,                                                                                         \
     help},

static const struct vox_setting table[] = {VOX_SETTINGS(SETTING)};

enum { SETTINGS = (int)(sizeof(table) / sizeof(table[0])) };

int vox_setting_count(void)
{
    return SETTINGS;
}

const struct vox_setting *vox_setting_at(int i)
{
    return i >= 0 && i < SETTINGS ? &table[i] : NULL;
}

int vox_setting_find(const char *flag)
{
    for (int i = 0; i < SETTINGS; i++) {
        if (strcmp(table[i].flag, flag) == 0) {
            return i;
        }
    }
    return -1;
}

/* The flag without its hyphens at the front, each letter through `convert`, behind `prefix`. */
static void spell(const char *flag, const char *prefix, int (*convert)(int),
                  char name[VOX_SETTING_NAME_BYTES])
{
    size_t n = strlen(prefix);
    memcpy(name, prefix, n);
    for (const char *c = flag + 2; *c != '\0' && n + 1 < VOX_SETTING_NAME_BYTES; c++) {
        name[n++] = *c == '-' ? '_' : (char)convert((unsigned char)*c);
    }
    name[n] = '\0';
}

void vox_setting_variable(const struct vox_setting *setting, char name[VOX_SETTING_NAME_BYTES])
{
    spell(setting->flag, "VOXLABEL_", toupper, name);
}

void vox_setting_key(const struct vox_setting *setting, char name[VOX_SETTING_NAME_BYTES])
{
    spell(setting->flag, "", tolower, name);
}
