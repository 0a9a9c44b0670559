#include "volume/orientation.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char positive[] = "RAS";
static const char negative[] = "LPI";
static const double degrees = 180.0 / 3.14159265358979323846;

static double product(double affine[3][4], int a, int b)
{
    return affine[0][a] * affine[0][b] + affine[1][a] * affine[1][b] + affine[2][a] * affine[2][b];
}

void vox_orientation_letters(double affine[3][4], char out[4])
{
    bool axis_done[3] = {false, false, false}, direction_done[3] = {false, false, false};
    for (int round = 0; round < 3; round++) {
        int axis = -1, direction = -1;
        double most = -1;
        for (int a = 0; a < 3; a++) {
            double length = sqrt(product(affine, a, a));
            for (int d = 0; d < 3; d++) {
                double share = fabs(affine[d][a]) / length;
                if (!axis_done[a] && !direction_done[d] && share > most) {
                    most = share;
                    axis = a;
                    direction = d;
                }
            }
        }
        axis_done[axis] = direction_done[direction] = true;
        out[axis] = affine[direction][axis] < 0 ? negative[direction] : positive[direction];
    }
    out[3] = '\0';
}

char vox_orientation_opposite(char letter)
{
    const char *at = letter == '\0' ? NULL : strchr(positive, letter);
    if (at != NULL) {
        return negative[at - positive];
    }
    at = letter == '\0' ? NULL : strchr(negative, letter);
    return at == NULL ? '\0' : positive[at - negative];
}

double vox_axes_skew(double affine[3][4])
{
    double most = 0;
    for (int a = 0; a < 3; a++) {
        int b = (a + 1) % 3;
        double cosine = product(affine, a, b) / sqrt(product(affine, a, a) * product(affine, b, b));
        double off = fabs(asin(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine)) * degrees;
        most = off > most ? off : most;
    }
    return most;
}

bool vox_axes_left_handed(double affine[3][4])
{
    const double(*m)[4] = (const double(*)[4])affine;
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
               m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
               m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]) <
           0;
}
