#include "app/commands.h"

#include <stddef.h>
#include <string.h>

#include "app/compare_command.h"
#include "app/completion_command.h"
#include "app/doctor_command.h"
#include "app/help_command.h"
#include "app/info_command.h"
#include "app/model_command.h"
#include "app/segment_command.h"
#include "app/serve_command.h"
#include "app/start_server_command.h"
#include "app/version_command.h"

static const struct vox_command *const commands[] = {
    &vox_serve_command,   &vox_start_server_command, &vox_segment_command, &vox_info_command,
    &vox_compare_command, &vox_model_command,        &vox_doctor_command,  &vox_version_command,
    &vox_help_command,    &vox_completion_command,
};

enum { COMMANDS = (int)(sizeof(commands) / sizeof(commands[0])) };

const struct vox_command *vox_command_at(int i)
{
    return i >= 0 && i < COMMANDS ? commands[i] : NULL;
}

const struct vox_command *vox_command_find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}
