#include "support/compare.h"

#include <math.h>
#include <stdio.h>

bool vox_close(const char *what, const float *a, const float *b, size_t n, double tolerance)
{
    size_t worst = 0;
    double worst_difference = -1;
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        double difference = a[i] == b[i] ? 0 : fabs((double)a[i] - (double)b[i]);
        /* Written so that NaN fails. */
        bool within = difference <= tolerance;
        if (!within) {
            good = false;
        }
        if (isnan(difference) || difference > worst_difference) {
            worst = i;
            worst_difference = difference;
            if (isnan(difference)) {
                break;
            }
        }
    }
    if (!good) {
        fprintf(stderr,
                "%s: element %zu of %zu is %.9g, wanted %.9g: differs by %.3g, allowed %.3g\n",
                what, worst, n, (double)a[worst], (double)b[worst], worst_difference, tolerance);
    }
    return good;
}

double vox_max_abs(const float *a, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double value = fabs((double)a[i]);
        if (!(value <= largest)) {
            largest = value;
        }
        if (isnan(value)) {
            return value;
        }
    }
    return largest;
}
