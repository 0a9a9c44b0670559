#include "app/segment_command.h"

#include "app/segment_jobs.h"
#include "app/segment_run.h"

static const struct vox_option_row options[] = {
    VOX_ONE(
        "--model", "FILE|NAME",
        "checkpoint of a MedSAM2 model, .pt as published or .safetensors, or a name that 'voxlabel "
        "model list' shows; without it the environment's VOXLABEL_MODEL, or nano, the small one "
        "inside the program"),
    VOX_ONE("--models", "DIR",
            "the folder of models with names; without it the environment's VOXLABEL_MODELS, or the "
            "user's own"),
    VOX_ONE(
        "--config", "FILE",
        "the model's YAML; without it the one that came with the name, or a built-in configuration "
        "that fits"),
    VOX_MANY("--point", "I,J,K[:LABEL]", "a click inside the structure, voxel indices from 0"),
    VOX_MANY("--negative", "I,J,K[:LABEL]", "a click outside of it"),
    VOX_MANY(
        "--box", "K:I0,J0,I1,J1[:Z0,Z1][:LABEL]",
        "a box on slice K: two corners, both inside the box; Z0,Z1 are the first and last slice of "
        "the structure"),
    VOX_ONE(
        "--points", "FILE|JSON",
        "points by label as JSON, {\"liver\": [[i, j, k], ...], \"background\": [...]}, or a file "
        "of it"),
    VOX_ONE("--mask", "FILE",
            "a label file that prompts: each label's voxels on one of its slices"),
    VOX_ONE("--mask-slices", "K,K,...", "the slices on which the mask prompts"),
    VOX_ONE("--params", "FILE|JSON",
            "all prompts and options as JSON, as the server takes them; flags win over its keys, "
            "points are added"),
    VOX_ONE("--label-names", "A,B,...",
            "the labels, with the values 1, 2, ...; without it one, 'intersection'"),
    VOX_ONE("--label", "NAME", "the label of prompts that name none; without it the first"),
    VOX_FLAG("--ras", "points and boxes are millimetres in RAS space, not voxel indices"),
    VOX_WORD(
        "--extent", "strict|free", "strict free",
        "whether the slices of the prompts are the structure's borders; strict where there are "
        "several, free for one"),
    VOX_WORD("--clip", "loose|tight|off", "loose tight off",
             "cut the mask to what was drawn: with a margin, exactly, or not"),
    VOX_WORD(
        "--passes", "WAY", "intersection union forward backward from_key",
        "how passes over the slices are combined: intersection (of up and down), union, forward, "
        "backward, from_key (MedSAM2's own: from the prompt to both ends)"),
    VOX_WORD("--zoom", "off|F", "off",
             "show the network the whole slice, or a window of F times the structure's size"),
    VOX_WORD("--broadcast", "propagate|box", "propagate box",
             "track from the key slice of a 3D box, or prompt each of its slices"),
    VOX_WORD("--points-as", "clicks|box", "clicks box", "what points on one slice are"),
    VOX_ONE("--min-box", "N", "points around less than N voxels are clicks, no box; 6"),
    VOX_WORD(
        "--window", "LOW,HIGH|NAME", "auto abdomen lung bone brain mediastinum full",
        "grey values from black to white, or abdomen, lung, bone, brain, mediastinum, full, auto; "
        "auto"),
    VOX_FLAG("--fill-holes", "fill holes of the mask within each slice"),
    VOX_FLAG("--all-parts", "keep all parts of the mask, not the largest alone"),
    VOX_FLAG("--no-uncertain", "leave voxels out of which the passes do not agree"),
    VOX_FLAG("--explain", "print what the prompts come to, and segment nothing"),
    VOX_ONE(
        "-o", "FILE",
        "the mask: .nii.gz, .nii, .nrrd, .seg.nrrd (with names and colours), .mha, .mhd; a folder "
        "for several images; without it IMAGE's name with -mask.nii.gz in the current folder"),
    VOX_ONE("--logits", "FILE", "the network's certainty per voxel; NaN where it did not look"),
    VOX_ONE("--json", "FILE", "a report; '-' for standard output"),
    VOX_ONE("--preview", "FILE.png",
            "a picture of the slices with the mask's outline and the prompts"),
    VOX_ONE(
        "--batch", "FILE.jsonl",
        "images from a list, a JSON object per line: image, output, params, mask, logits, json, "
        "preview"),
    VOX_ONE("--threads", "N", "compute threads; without it one per CPU that the process may use"),
    VOX_ONE("--backend", "NAME", "what computes; 'voxlabel version' lists the names, best first"),
    VOX_ONE("--cache-memory", "SIZE", "memory for what is known of slices; 1G"),
    VOX_ONE(
        "--cache-dir", "DIR",
        "keep what is known of slices in this folder too (derived from the images, so private)"),
    VOX_ONE("--cache-size", "SIZE", "the most that the folder may take; 10G"),
    VOX_ONE("--max-memory", "SIZE",
            "the most that an image's voxels may take; larger files are read slice by slice; 16G"),
    VOX_FLAG("--quiet", "no progress and no summary"),
};

const struct vox_command vox_segment_command = {
    .name = "segment",
    .summary = "segment structures from clicks, boxes or masks",
    .usage = "IMAGE...",
    .text =
        "Segments structures in 3D images (.nii, .nii.gz, .nrrd, .mha, .mhd) from clicks, boxes "
        "or masks, and writes label values on the image's own grid.\n\n"
        "Points on several slices make one continuous 3D box whose first and last slice are "
        "the structure's borders; a click or a box on one slice is followed in both directions "
        "until the structure ends. Voxels of which the passes over the slices do not agree get "
        "a label of their own, 'uncertain', the highest value.\n\n"
        "The files of an image are written all or none. For research, never for diagnosis.",
    .options = options,
    .n_options = (int)(sizeof(options) / sizeof(options[0])),
    .examples = "  voxlabel segment ct.nii.gz --point 120,88,40\n"
                "  voxlabel segment ct.nii.gz --model medsam2 --box 14:321,334,392,398 "
                "-o lesion.seg.nrrd\n",
    .environment = "VOXLABEL_MODEL: the model, where --model names none\n"
                   "VOXLABEL_MODELS: the folder of models with names, where --models names none\n",
    .run = vox_app_segment,
};

int vox_app_segment(int argc, char **argv)
{
    struct vox_arguments *arguments;
    int status = vox_arguments_open(&vox_segment_command, argc, argv, &arguments);
    if (status != 0 || arguments == NULL) {
        return status;
    }
    struct vox_segment_jobs jobs;
    status = vox_segment_jobs_open(arguments, &jobs);
    if (status == 0) {
        status = vox_segment_run(arguments, &jobs);
        vox_segment_jobs_free(&jobs);
    }
    vox_arguments_free(arguments);
    return status;
}
