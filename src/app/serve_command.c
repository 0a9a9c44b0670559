#include "app/serve_command.h"

#include <stddef.h>

#include "app/message.h"
#include "app/serve_run.h"
#include "app/settings.h"

static const struct vox_option_row options[] = {
    VOX_SETTINGS(VOX_SETTING_OPTION)
        VOX_ONE("--config", "FILE",
                "settings as YAML, 'port: 8000'; without it VOXLABEL_CONFIG, "
                "~/.config/voxlabel/voxlabel.yaml or /etc/voxlabel/voxlabel.yaml"),
    VOX_FLAG("--print-settings", "print all settings and where each comes from, and do nothing"),
};

const struct vox_command vox_serve_command = {
    .name = "serve",
    .summary = "serve a folder of images to 3D Slicer, OHIF and MONAI Label clients",
    .usage = "",
    .text =
        "Serves the images of a folder by the REST interface of MONAI Label, so that 3D Slicer's "
        "MONAILabel module, OHIF and the MONAI Label client work with it as they are.\n\n"
        "The address is printed when the server is ready; the model loads behind it. Ctrl-C or "
        "SIGTERM ends it after what runs, a second one at once. SIGHUP reads the settings anew.\n\n"
        "Each option is also a variable of the environment (VOXLABEL_STUDIES for --studies) and a "
        "key of the configuration file (studies). The option comes before the variable, that "
        "before the variable of MONAI Label which means the same, and that before the file.\n\n"
        "For research, never for diagnosis.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel serve --studies ~/studies\n"
                "  MONAI_LABEL_DATASTORE=~/studies voxlabel serve --port 8080\n",
    .environment =
        "VOXLABEL_STUDIES: the folder of the images; each option has its variable, named like it\n"
        "VOXLABEL_CONFIG: the configuration file, where --config names none\n"
        "MONAI_LABEL_DATASTORE: the folder of the images, where nothing else names it; other "
        "variables of MONAI Label are taken for what they mean, or stop the start\n",
    .run = vox_app_serve,
};

int vox_app_serve(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_serve_command, argc, argv, &arguments);
    if (status != 0 || arguments == NULL) {
        return status;
    }
    const struct vox_settings_input input = {.arguments = arguments};
    struct vox_settings *settings = NULL;
    if (vox_positional_count(arguments) > 0) {
        status = vox_say_usage("serve", "'%s' is no option; the folder is named with --studies",
                               vox_positional(arguments, 0));
    } else {
        status = vox_settings_open(&input, &settings);
    }
    if (status == 0 && vox_argument_given(arguments, "--print-settings")) {
        status = vox_settings_print(settings);
        vox_settings_free(settings);
    } else if (status == 0) {
        status = vox_serve_run(&input, settings);
    }
    vox_arguments_free(arguments);
    return status;
}
