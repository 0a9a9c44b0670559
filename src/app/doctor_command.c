#include "app/doctor_command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/doctor_checks.h"
#include "app/environment.h"
#include "app/message.h"
#include "app/report_output.h"
#include "util/json_writer.h"

/* In the order in which they are shown. */
static void (*const checks[])(struct vox_doctor *doctor, const struct vox_doctor_ask *ask) = {
    vox_doctor_version, vox_doctor_cpu,          vox_doctor_kernels,
    vox_doctor_threads, vox_doctor_memory,       vox_doctor_model_folder,
    vox_doctor_models,  vox_doctor_cache_folder, vox_doctor_clock,
};

enum { CHECKS = (int)(sizeof(checks) / sizeof(checks[0])), FACTS_BYTES = 4608 };

struct vox_doctor {
    struct vox_json_writer *json; /* NULL: text */
    enum vox_verdict worst;
};

static const struct vox_option_row options[] = {
    {"--model", VOX_OPTION_ONCE, "FILE|NAME", NULL,
     "look at this model too; without it at that of the environment's VOXLABEL_MODEL"},
    {"--config", VOX_OPTION_ONCE, "FILE", NULL, "the YAML of a model that is named by its file"},
    {"--models", VOX_OPTION_ONCE, "DIR", NULL,
     "the folder of models; without it the environment's VOXLABEL_MODELS, or the user's own"},
    {"--cache-dir", VOX_OPTION_ONCE, "DIR", NULL,
     "look at this folder for slices, as 'voxlabel segment' would be given it"},
    {"--json", VOX_OPTION_SWITCH, NULL, NULL, "print JSON instead of text"},
};

const struct vox_command vox_doctor_command = {
    .name = "doctor",
    .summary = "look for what keeps the program from working well here",
    .usage = "",
    .text = "Looks at the machine and what the program finds on it, one line each: the version, "
            "the CPU, the kernels and whether they compute rightly, threads, memory, the folders "
            "and their disks, the models and their SHA-256, what the one inside the program makes "
            "of a test image, the clock. A line begins with ok, warn or fail and ends with what "
            "to do. Nothing is changed, and nothing is sent anywhere.\n\n"
            "The exit status is 1 where a line begins with fail.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel doctor\n",
    .environment = "VOXLABEL_MODEL: the model, where --model names none\n"
                   "VOXLABEL_MODELS: the folder of models with names, where --models names none\n",
    .run = vox_app_doctor,
};

void vox_doctor_add(struct vox_doctor *doctor, enum vox_verdict verdict, const char *what,
                    const char *remedy, const char *format, ...)
{
    char facts[FACTS_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(facts, sizeof(facts), format, args);
    va_end(args);
    doctor->worst = verdict > doctor->worst ? verdict : doctor->worst;
    if (doctor->json != NULL) {
        vox_json_begin_object(doctor->json, NULL);
        vox_json_put_text(doctor->json, "what", what);
        vox_json_put_text(doctor->json, "verdict", vox_verdict_name(verdict));
        vox_json_put_text(doctor->json, "facts", facts);
        vox_json_put_text(doctor->json, "remedy", remedy);
        vox_json_end(doctor->json);
        return;
    }
    /* Names of files may hold anything. */
    for (char *c = facts; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    printf("%-4s  %s: %s%s%s\n", vox_verdict_name(verdict), what, facts, remedy != NULL ? "; " : "",
           remedy != NULL ? remedy : "");
    fflush(stdout);
}

static int run(const struct vox_doctor_ask *ask, bool as_json)
{
    struct vox_doctor doctor = {.json = as_json ? vox_json_writer_new() : NULL};
    int status = 0;
    if (as_json && doctor.json == NULL) {
        return vox_say_no_memory();
    }
    if (as_json) {
        vox_json_begin_object(doctor.json, NULL);
        vox_json_put_text(doctor.json, "version", VOX_VERSION);
        vox_json_begin_array(doctor.json, "checks");
    }
    for (int i = 0; i < CHECKS; i++) {
        checks[i](&doctor, ask);
    }
    if (as_json) {
        vox_json_end(doctor.json);
        vox_json_put_text(doctor.json, "verdict", vox_verdict_name(doctor.worst));
        vox_json_end(doctor.json);
        status = vox_report_write(doctor.json, "-");
    }
    if (status == 0 && doctor.worst == VOX_VERDICT_FAIL) {
        status = VOX_EXIT_FAILURE;
    }
    return vox_stdout_finish(status);
}

int vox_app_doctor(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_doctor_command, argc, argv, &arguments);
    if (status != VOX_EXIT_OK || arguments == NULL) {
        return status;
    }
    struct vox_doctor_ask ask = {
        .model = vox_argument(arguments, "--model", 0),
        .config = vox_argument(arguments, "--config", 0),
        .models = vox_argument(arguments, "--models", 0),
        .cache_dir = vox_argument(arguments, "--cache-dir", 0),
    };
    if (ask.model == NULL) {
        ask.model = vox_environment("VOXLABEL_MODEL");
    }
    if (vox_positional_count(arguments) > 0) {
        status = vox_say_usage(vox_doctor_command.name, "one argument too many: %s",
                               vox_positional(arguments, 0));
    } else {
        status = run(&ask, vox_argument_given(arguments, "--json"));
    }
    vox_arguments_free(arguments);
    return status;
}
