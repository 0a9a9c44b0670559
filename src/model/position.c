#include "model/position.h"

#include <math.h>

static const double temperature = 10000.0;

void vox_sine_code(int64_t side, int64_t channels, float *out)
{
    int64_t half = channels / 2;
    const double two_pi = 6.283185307179586;
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            float *row = out + (y * side + x) * channels;
            double ay = (double)(y + 1) / ((double)side + 1e-6) * two_pi;
            double ax = (double)(x + 1) / ((double)side + 1e-6) * two_pi;
            for (int64_t j = 0; j < half; j++) {
                int64_t pair = j / 2;
                double wavelength = pow(temperature, 2.0 * (double)pair / (double)half);
                row[j] = (float)(j % 2 == 0 ? sin(ay / wavelength) : cos(ay / wavelength));
                row[half + j] = (float)(j % 2 == 0 ? sin(ax / wavelength) : cos(ax / wavelength));
            }
        }
    }
}

void vox_rope_table(int64_t side, int64_t channels, double theta, float *cosines, float *sines)
{
    int64_t pairs = channels / 2;
    int64_t axis = pairs / 2; /* pairs of x, then as many of y */
    for (int64_t t = 0; t < side * side; t++) {
        for (int64_t i = 0; i < pairs; i++) {
            double position = (double)(i < axis ? t % side : t / side);
            double frequency = pow(theta, -4.0 * (double)(i % axis) / (double)channels);
            cosines[t * pairs + i] = (float)cos(position * frequency);
            sines[t * pairs + i] = (float)sin(position * frequency);
        }
    }
}

void vox_distance_code(float value, int64_t channels, float *out)
{
    int64_t half = channels / 2;
    for (int64_t j = 0; j < half; j++) {
        int64_t pair = j / 2;
        double wavelength = pow(temperature, 2.0 * (double)pair / (double)half);
        out[j] = (float)sin((double)value / wavelength);
        out[half + j] = (float)cos((double)value / wavelength);
    }
}
