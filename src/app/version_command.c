#include "app/version_command.h"

#include <stdio.h>

#include "app/message.h"
#include "app/report_output.h"
#include "tensor/backend.h"

const struct vox_command vox_version_command = {
    .name = "version",
    .summary = "show the version and what this build can compute with",
    .usage = "",
    .text = "Shows the version and the compute backends of this build, best first.",
    .run = vox_app_version,
};

int vox_app_version(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_version_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    if (vox_positional_count(arguments) > 0) {
        status = vox_say_usage(vox_version_command.name, "one argument too many: %s",
                               vox_positional(arguments, 0));
    } else {
        printf("voxlabel %s\nbackends:", VOX_VERSION);
        for (int i = 0; vox_backend_name(i) != NULL; i++) {
            printf(" %s", vox_backend_name(i));
        }
        putchar('\n');
        status = vox_stdout_finish(VOX_EXIT_OK);
    }
    vox_arguments_free(arguments);
    return status;
}
