#include "volume/segment_list.h"

#include <string.h>
#include <strings.h>

#include "util/memory.h"

void vox_segment_list_free(struct vox_segment_list *list)
{
    vox_free(list->at);
    vox_free(list->texts);
    memset(list, 0, sizeof(*list));
}

/* Neither too light nor too strong, neighbours far apart in hue; the first is the green that Slicer
 * gives tissue. */
static const uint8_t palette[][3] = {
    {128, 174, 128}, {241, 196, 98},  {92, 156, 214},  {222, 108, 96},
    {160, 120, 200}, {80, 190, 180},  {236, 148, 72},  {214, 128, 176},
    {150, 190, 70},  {120, 140, 230}, {190, 140, 100}, {110, 205, 235},
};

void vox_segment_color(const char *name, int64_t value, double color[3])
{
    static const uint8_t muted[3] = {140, 140, 150};
    const int64_t n = (int64_t)(sizeof(palette) / sizeof(palette[0]));
    int64_t index = (value % n + n - 1) % n;
    const uint8_t *rgb = strcasecmp(name, "uncertain") == 0 ? muted : palette[index];
    for (int i = 0; i < 3; i++) {
        color[i] = rgb[i] / 255.0;
    }
}
