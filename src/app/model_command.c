#include "app/model_command.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "app/message.h"
#include "app/model_actions.h"

static const struct vox_option_row options[] = {
    VOX_ONE(
        "--models", "DIR",
        "the folder of models; without it the environment's VOXLABEL_MODELS, or the user's own"),
    VOX_ONE("--name", "NAME",
            "import: the name to give; without it the file's, without its ending"),
    VOX_ONE("--config", "FILE",
            "import, inspect: compare with this skeleton, the model's YAML; without it with the "
            "built-in ones"),
    {"--dtype", VOX_OPTION_ONCE, "TYPE", "f32 bf16",
     "convert: write all values as f32 or as bf16, rounded to the nearest, ties to even; without "
     "it as they are"},
    VOX_FLAG("--accept-licence", "pull: accept the licence without being asked"),
    VOX_ONE("--mirror", "URL",
            "pull: take the files from this https folder; without it from the environment's "
            "VOXLABEL_MODEL_MIRROR, or where they are published"),
    VOX_ONE("--cacert", "FILE",
            "pull: trust these certificates too (PEM); without it those of the environment's "
            "VOXLABEL_CACERT or CURL_CA_BUNDLE"),
    VOX_FLAG("--yes", "remove: do it without being asked"),
    VOX_FLAG("--json", "list, verify, inspect: print JSON instead of text"),
    VOX_FLAG("--quiet", "pull, import, convert: no progress and no summary"),
};

struct action {
    const char *name;
    int (*run)(const struct vox_arguments *arguments);
    int least, most;     /* positional arguments behind the name; -1: any number */
    const char *missing; /* what to name */
    const char *options; /* that it takes */
};

static const struct action actions[] = {
    {"list", vox_model_list, 0, 0, "", "--models --json"},
    {"pull", vox_model_pull, 1, 1, "the model to fetch; 'voxlabel model list' shows them",
     "--models --accept-licence --mirror --cacert --quiet"},
    {"import", vox_model_import, 1, 1, "the checkpoint to import",
     "--models --name --config --quiet"},
    {"verify", vox_model_verify, 0, -1, "", "--models --json"},
    {"remove", vox_model_remove, 1, 1, "the model to remove", "--models --yes"},
    {"convert", vox_model_convert, 2, 2, "the checkpoint to convert and the file to write",
     "--dtype --quiet"},
    {"inspect", vox_model_inspect, 1, 1, "the checkpoint to inspect", "--config --json"},
};

enum { ACTIONS = (int)(sizeof(actions) / sizeof(actions[0])) };

const struct vox_command vox_model_command = {
    .name = "model",
    .summary = "fetch, import, convert and check models",
    .usage = "ACTION [NAME|FILE...]",
    .text =
        "Keeps the models that 'voxlabel segment --model NAME' knows by name.\n\n"
        "'list' shows the models inside the program, those in the folder of models, and those "
        "that are published elsewhere and known by name.\n\n"
        "'pull' fetches a published checkpoint by HTTPS, after its licence was accepted, and "
        "checks its size and SHA-256. It goes on where an earlier call ended.\n\n"
        "'import' copies a checkpoint (.pt or .safetensors) that you have into the folder, if a "
        "configuration fits it; 'verify' compares models with what was recorded when they came; "
        "'remove' deletes one.\n\n"
        "'convert' writes a checkpoint as .safetensors.\n\n"
        "'inspect' lists what a checkpoint holds: its tensors, how many values and parameters "
        "they have, the file's SHA-256, and the configuration that fits it, or the first thing "
        "that does not; the exit status is 0 where one fits.\n\n"
        "'nano', or 'voxlabel-nano', is the model inside the program, which is taken where none is "
        "named.\n\n"
        "Nothing in a file is executed, whatever it claims to be.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples =
        "  voxlabel model list\n"
        "  voxlabel model pull medsam2\n"
        "  voxlabel model convert MedSAM2_latest.pt medsam2-half.safetensors --dtype bf16\n",
    .environment =
        "VOXLABEL_MODELS: the folder of models with names, where --models names none\n"
        "VOXLABEL_MODEL_MIRROR: where 'pull' takes files from, where --mirror names nothing\n"
        "VOXLABEL_CACERT: certificates to trust too, where --cacert names none\n"
        "CURL_CA_BUNDLE: the same, where VOXLABEL_CACERT names none\n",
    .words = "list pull import verify remove convert inspect",
    .run = vox_app_model,
};

static const struct action *find_action(const char *name)
{
    for (int i = 0; name != NULL && i < ACTIONS; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

static bool takes(const struct action *action, const char *option)
{
    size_t length = strlen(option);
    const char *at = action->options;
    while ((at = strstr(at, option)) != NULL) {
        if (at[length] == ' ' || at[length] == '\0') {
            return true;
        }
        at += length;
    }
    return false;
}

static int check(const struct action *action, const struct vox_arguments *arguments)
{
    const char *command = vox_model_command.name;
    int n = vox_positional_count(arguments) - 1;
    if (n < action->least) {
        return vox_say_usage(command, "name %s", action->missing);
    }
    if (action->most >= 0 && n > action->most) {
        return vox_say_usage(command, "one argument too many: %s",
                             vox_positional(arguments, action->most + 1));
    }
    for (int i = 0; i < vox_model_command.n_options; i++) {
        if (vox_argument_given(arguments, options[i].name) && !takes(action, options[i].name)) {
            return vox_say_usage(command, "'%s' takes no %s", action->name, options[i].name);
        }
    }
    return 0;
}

int vox_app_model(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_model_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    const struct action *action = find_action(vox_positional(arguments, 0));
    if (action != NULL) {
        status = check(action, arguments);
        status = status == 0 ? action->run(arguments) : status;
    } else {
        status = vox_say_usage(vox_model_command.name, "name what to do: %s",
                               "list, pull, import, verify, remove, convert or inspect");
    }
    vox_arguments_free(arguments);
    return status;
}
