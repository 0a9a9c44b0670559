/* How far a backend may be from exact arithmetic or from the plain C one, each number with its
 * reason. Tests multiply them by the magnitude that the comment names. A result of bfloat16
 * arithmetic would differ by 4e-3 of it. */
#ifndef VOX_TEST_TOLERANCES_H
#define VOX_TEST_TOLERANCES_H

/* Of the sum of |x w|. n float additions in any order err by about sqrt(n) 2^-24, n times that at
 * worst; 1e-5 leaves room for n = 1024 (2e-6) and for the activation's own error. */
#define VOX_TOL_LINEAR 1e-5

/* Of the largest |v|, where scores stay within 8. A score of 8 errs by 8 2^-24 per rounding, and
 * that error is the relative error of its weight; larger scores err in proportion. */
#define VOX_TOL_ATTENTION 1e-5
#define VOX_TOL_ATTENTION_SCORE 8.0

/* Of a normalised row's values, about 1, at a mean of about 0: the sums of 1024 values err by 2e-6.
 */
#define VOX_TOL_LAYER_NORM 1e-5
/* The same with a mean 100 times the deviation, where the mean's rounding (2^-18) comes in
 * undivided. */
#define VOX_TOL_LAYER_NORM_FAR 2e-4

/* Of max(1, |x|): half a unit in the last place of the result is 0.6e-7, and as much for the tail
 * that is taken off. */
#define VOX_TOL_GELU 2e-7

/* Units in the last place. The polynomial's error is under one; the sum's rounding adds half. */
#define VOX_TOL_EXP_ULP 2.0

/* Of the sum of |a b|: up to 100 products in an order of the backend's own. */
#define VOX_TOL_SUM 2e-6

/* Absolute, for values about 1 made by one or two roundings, with or without a fused multiply and
 * add. */
#define VOX_TOL_ROUNDING 3e-7

/* Of a softmax weight or a sum of weights: the exponential of scaled scores within 30, whose
 * rounding (30 2^-24) becomes the relative error of the weight. */
#define VOX_TOL_SOFTMAX 1e-5

#endif
