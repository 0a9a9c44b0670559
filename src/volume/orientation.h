/* What an affine (volume/geometry.h; only read) says about the body. */
#ifndef VOX_VOLUME_ORIENTATION_H
#define VOX_VOLUME_ORIENTATION_H

#include <stdbool.h>

/* Where the indices i, j and k grow to: R or L, A or P, S or I, each pair once, as three letters
 * ("LPS"). An oblique axis has the letter of the direction that it is nearest to; the axis that is
 * nearest of all chooses first. NiBabel's aff2axcodes and the "RAS+" of NIfTI name the same
 * direction; ITK's and Slicer's three letters of DICOM style ("RAI") name where the axis comes
 * from.
 */
void vox_orientation_letters(double affine[3][4], char out[4]);

/* 'L' for 'R' and so on. */
char vox_orientation_opposite(char letter);

/* Degrees by which the angle between two axes differs from 90 at most, e.g. a CT's gantry tilt. */
double vox_axes_skew(double affine[3][4]);

/* Whether i, j, k are a left-handed system in the body, so that a program that ignores directions
 * shows a mirror image of what it shows for others. */
bool vox_axes_left_handed(double affine[3][4]);

#endif
