#include "app/model_published.h"

#include <stddef.h>
#include <string.h>

const uint64_t vox_published_max_bytes = UINT64_C(2) << 30;

/* As in download.sh and the inference scripts of the MedSAM2 repository. */
const char vox_published_folder[] = "https://huggingface.co/wanglab/MedSAM2/resolve/main";
const char vox_published_page[] = "https://huggingface.co/wanglab/MedSAM2";

const char vox_published_licence[] =
    "The weights of MedSAM2 are published by its authors, not by this program:\n"
    "    https://huggingface.co/wanglab/MedSAM2\n"
    "Their page gives the licence Creative Commons Attribution-ShareAlike 4.0\n"
    "    https://creativecommons.org/licenses/by-sa/4.0/legalcode\n"
    "and says besides: \"The model weights can only be used for research and education "
    "purposes.\"\n"
    "The code of MedSAM2, and SAM 2 from which it was trained, are under the Apache License 2.0.\n"
    "Should the page say something else today, the page counts. Not for clinical use.\n";

#define OTHER_NETWORK "its EfficientTAM image encoder is not supported"

static const struct vox_published_model models[] = {
    {"medsam2", "MedSAM2_latest.pt", "all data, recommended by its authors",
     "c92743b99f00d078bf32a3afcc38aaa9faf1c1692dffe3eaa7a90938c1991060", 156040129, NULL},
    {"medsam2-2411", "MedSAM2_2411.pt", "base model of November 2024", NULL, 0, NULL},
    {"medsam2-ct-lesion", "MedSAM2_CTLesion.pt", "tuned to lesions in CT", NULL, 0, NULL},
    {"medsam2-mri-liver-lesion", "MedSAM2_MRI_LiverLesion.pt", "tuned to liver lesions in MRI",
     NULL, 0, NULL},
    {"medsam2-us-heart", "MedSAM2_US_Heart.pt", "tuned to the heart in ultrasound", NULL, 0, NULL},
    {"medsam2-flare25-recist", "medsam2_FLARE25_RECIST_baseline.pt",
     "FLARE 2025 baseline, lesions in CT from RECIST marks", NULL, 0, NULL},
    {"eff-medsam2-small", "eff_medsam2_small_FLARE25_RECIST_baseline.pt",
     "FLARE 2025 baseline, EfficientMedSAM2", NULL, 0, OTHER_NETWORK},
    {"eff-medsam2-tiny", "eff_medsam2_tiny_FLARE25_RECIST_baseline.pt",
     "FLARE 2025 baseline, EfficientMedSAM2", NULL, 0, OTHER_NETWORK},
};

enum { MODELS = (int)(sizeof(models) / sizeof(models[0])) };

const struct vox_published_model *vox_published_model_at(int i)
{
    return i >= 0 && i < MODELS ? &models[i] : NULL;
}

const struct vox_published_model *vox_published_model_find(const char *name)
{
    for (int i = 0; i < MODELS; i++) {
        if (strcmp(models[i].name, name) == 0) {
            return &models[i];
        }
    }
    return NULL;
}
