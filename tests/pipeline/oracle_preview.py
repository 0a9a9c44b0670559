"""Previews, looked at with numpy and Pillow: grey values, outlines, prompts, letters, mirrored images.

oracle_preview.py PREVIEW_TOOL
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import nibabel
import numpy
from PIL import Image

TOOL = sys.argv.pop(1)
GAP = 4
YELLOW, GREEN, RED, CYAN, ORANGE = (255, 225, 0), (40, 255, 40), (255, 40, 40), (0, 200, 255), (255, 140, 0)
DIGITS = """
.###. ..#.. .###. .###. ...#. ##### ..##. ##### .###. .###.
#...# .##.. #...# #...# ..##. #.... .#... ....# #...# #...#
#...# ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...#
#...# ..#.. ..##. ..##. #..#. ....# ####. ...#. .###. .####
#...# ..#.. .#... ....# ##### ....# #...# ..#.. #...# ....#
#...# ..#.. #.... #...# ...#. #...# #...# ..#.. #...# ...#.
.###. .###. ##### .###. ...#. .###. .###. ..#.. .###. .##..
"""


def is_colour(picture, colour, tolerance=40):
    return (numpy.abs(picture.astype(int) - colour) <= tolerance).all(axis=-1)


def is_grey(picture):
    return (picture == picture[..., :1]).all(axis=-1)


class Preview(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="voxlabel-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def draw(self, image, labels, *options, affine=None, window=(0, 255), status=0):
        """Arrays are indexed [i, j, k]; returns the picture as [y, x, 3] and the slices."""
        affine = numpy.diag([-1, -1, 1, 1]) if affine is None else affine
        nibabel.save(nibabel.Nifti1Image(image.astype(numpy.float32), affine), self.folder / "image.nii")
        nibabel.save(nibabel.Nifti1Image(labels.astype(numpy.int16), affine), self.folder / "labels.nii")
        command = [TOOL, "out.png", "image.nii", "labels.nii", *window, *options]
        done = subprocess.run(list(map(str, command)), cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        if status:
            return None, None
        with Image.open(self.folder / "out.png") as picture:
            self.assertEqual((picture.format, picture.mode), ("PNG", "RGB"))
            pixels = numpy.array(picture)
        return pixels, [int(line) for line in done.stdout.split()]

    def tiles(self, picture, width, height):
        """The tiles, and that all around them is background."""
        columns, rows = (picture.shape[1] - GAP) // (width + GAP), (picture.shape[0] - GAP) // (height + GAP)
        self.assertEqual(picture.shape, (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3))
        background = numpy.ones(picture.shape[:2], bool)
        tiles = []
        for row in range(rows):
            for column in range(columns):
                y, x = GAP + row * (height + GAP), GAP + column * (width + GAP)
                background[y : y + height, x : x + width] = False
                tiles.append(picture[y : y + height, x : x + width])
        self.assertTrue((picture[background] == 28).all())
        return tiles


class Pixels(Preview):
    def setUp(self):
        super().setUp()
        self.rng = numpy.random.default_rng(4)
        self.image = self.rng.integers(0, 256, (90, 60, 9))
        self.image[0, 0, :2] = 0, 255  # the whole range
        self.empty = numpy.zeros(self.image.shape)

    def without_number(self, tile):
        """All but the corner where the slice's number is."""
        mask = numpy.ones(tile.shape[:2], bool)
        mask[:40, :80] = False
        return mask

    def test_grey_values(self):
        """Bytes are those of Pillow for the part of the slice that is shown."""
        for view, spacing in [((0, 0, 89, 59), (1, 1)), ((10, 5, 60, 55), (1, 1)), ((0, 0, 89, 59), (0.5, 2)), ((3, 4, 20, 40), (2, 1))]:
            options = ["slice", 5, "slice", 2, "slice", 8, "view", *view]
            picture, slices = self.draw(self.image, self.empty, *options, affine=numpy.diag([*spacing, 3, 1]))
            self.assertEqual(slices, [5, 2, 8])
            i0, j0, i1, j1 = view
            mm = (i1 - i0 + 1) * spacing[0], (j1 - j0 + 1) * spacing[1]
            size = [round(420 * side / max(mm)) for side in mm]
            tiles = self.tiles(picture, *size)
            for k, tile in zip(slices, tiles):
                part = self.image[i0 : i1 + 1, j0 : j1 + 1, k].astype(numpy.uint8).T
                wanted = numpy.array(Image.fromarray(part).resize(size))
                self.assertTrue((tile == wanted[:, :, None])[self.without_number(tile)].all(), (view, spacing, k))
            self.assertTrue(all((tile == 28).all() for tile in tiles[3:]))

    def test_window(self):
        """The window of the call, and what is outside it black and white."""
        image = numpy.full((40, 40, 1), -1000.0)
        image[10:20] = 40
        image[20:30] = 3000
        picture, _slices = self.draw(image, numpy.zeros(image.shape), "slice", 0, window=(-160, 240))
        row = self.tiles(picture, 560, 560)[0][400, :, 0]
        self.assertEqual([int(row[x]) for x in (70, 210, 350, 490)], [0, 127, 255, 0])

    def test_sizes(self):
        """Few slices are shown larger; there are no more columns and rows than needed."""
        for n, side in [(1, 560), (2, 560), (3, 420), (6, 420), (7, 280), (9, 280)]:
            options = [x for k in range(n) for x in ("slice", k)]
            picture, _slices = self.draw(self.image[:60], self.empty[:60], *options)
            tiles = self.tiles(picture, side, side)
            self.assertLess(len(tiles) - n, 3)
            width, height = picture.shape[1], picture.shape[0]
            self.assertTrue(0.9 <= width / height <= 3, picture.shape)

    def test_mirrored(self):
        plain, _slices = self.draw(self.image[:60], self.empty[:60], "slice", 3)
        flipped = self.image[:60][::-1, ::-1]
        mirrored, _slices = self.draw(flipped, self.empty[:60], "slice", 3, "mirror", 1, 1)
        self.assertTrue((plain == mirrored).all())
        half, _slices = self.draw(self.image[:60][:, ::-1], self.empty[:60], "slice", 3, "mirror", 0, 1)
        self.assertTrue((plain == half).all())

    def test_orientation(self):
        """The same body, stored in another direction, gives the same picture."""
        labels = self.empty[:60].copy()
        labels[20:31, 30:35, 3] = 1
        affine = numpy.diag([-1, -1, 1, 1])
        dicom, _slices = self.draw(self.image[:60], labels, "slice", 3, "orient", affine=affine)
        turned, _slices = self.draw(self.image[:60][::-1, ::-1], labels[::-1, ::-1], "slice", 3, "orient", affine=numpy.eye(4))
        self.assertTrue((dicom == turned).all())
        # Letters: R left, L right, A above, P below, in grey with a black rim.
        tile = self.tiles(dicom, 560, 560)[0]
        self.assertEqual(self.glyph(tile, 8, 266, 4, 190), ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"])
        self.assertEqual(self.glyph(tile, 532, 266, 4, 190), ["#....", "#....", "#....", "#....", "#....", "#....", "#####"])
        self.assertEqual(self.glyph(tile, 270, 8, 4, 190), [".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"])
        self.assertEqual(self.glyph(tile, 270, 524, 4, 190), ["####.", "#...#", "#...#", "####.", "#....", "#....", "#...."])

    def glyph(self, tile, x, y, dot, value):
        """The dots of a glyph whose colour's red is `value`, read from their middles."""
        rows = tile[y + dot // 2 : y + 7 * dot : dot, x + dot // 2 : x + 5 * dot : dot, 0]
        self.assertEqual(rows.shape, (7, 5))
        return ["".join("#" if dot == value else "." for dot in row) for row in rows]

    def test_numbers(self):
        """Every digit, white, and yellow where there is a prompt."""
        wanted = [line.split() for line in DIGITS.split("\n") if line]
        image = numpy.full((60, 60, 1235), 100.0)
        image[0, 0, 0], image[1, 0, 0] = 0, 255
        for number in ("0", "1234", "567", "890"):
            for prompt in ([], ["click", number, 30, 30, 1]):
                picture, _slices = self.draw(image, numpy.zeros(image.shape), "slice", number, *prompt)
                tile = self.tiles(picture, 560, 560)[0]
                for at, digit in enumerate(number):
                    dots = self.glyph(tile, 8 + 24 * at, 8, 4, 255)
                    self.assertEqual(dots, [row[int(digit)] for row in wanted], number)
                yellow = is_colour(tile[:40, :200], YELLOW, 0).any()
                self.assertEqual(yellow, bool(prompt))


class Outlines(Preview):
    def disc(self, radius, label=1, size=80):
        i, j = numpy.meshgrid(numpy.arange(size), numpy.arange(size), indexing="ij")
        return (label * (numpy.hypot(i - 40, j - 36) <= radius))[:, :, None]

    def test_enlarged(self):
        """The line runs where the label ends, all around, and nowhere else."""
        labels = self.disc(20)
        image = numpy.full(labels.shape, 80.0)
        image[0, 0], image[1, 1] = 0, 255
        picture, _slices = self.draw(image, labels, "slice", 0)
        tile = self.tiles(picture, 560, 560)[0].astype(int)
        y, x = numpy.nonzero(is_colour(tile, CYAN, 60))
        i, j = (x + 0.5) / 7 - 0.5, (y + 0.5) / 7 - 0.5
        radius = numpy.hypot(i - 40, j - 36)
        self.assertTrue((numpy.abs(radius - 20.4) < 1.1).all(), (radius.min(), radius.max()))
        angles = numpy.unique(numpy.round(numpy.degrees(numpy.arctan2(j - 36, i - 40))).astype(int))
        self.assertGreater(angles.size, 355)
        # About two pixels wide.
        self.assertTrue(1.2 < y.size / (2 * numpy.pi * 20.4 * 7) < 2.6, y.size)
        # Grey everywhere else.
        y, x = numpy.nonzero(~is_grey(tile))
        radius = numpy.hypot((x + 0.5) / 7 - 0.5 - 40, (y + 0.5) / 7 - 0.5 - 36)
        self.assertTrue((numpy.abs(radius - 20.4) < 1.5).all())
        self.assertTrue((tile[300, 280] == 80).all())

    def test_straight_edge(self):
        """Halfway between the voxels inside and outside."""
        labels = numpy.zeros((40, 40, 1))
        labels[:18] = 1
        picture, _slices = self.draw(numpy.eye(40)[:, :, None], labels, "slice", 0, window=(0, 1))
        tile = self.tiles(picture, 560, 560)[0].astype(int)
        columns = numpy.nonzero(is_colour(tile[400], CYAN, 100))[0]
        # Voxel 17 ends at 18 * 14 = 252 pixels.
        self.assertTrue(set(columns) <= {250, 251, 252, 253} and {251, 252} <= set(columns), columns)

    def test_labels_have_colours(self):
        labels = self.disc(12) + 2 * (self.disc(25) - self.disc(15))
        picture, _slices = self.draw(numpy.zeros(labels.shape), labels, "slice", 0)
        tile = self.tiles(picture, 560, 560)[0]
        for colour, radii in [(CYAN, (12.4,)), (ORANGE, (15.4, 25.4))]:
            y, x = numpy.nonzero(is_colour(tile, colour, 60))
            radius = numpy.hypot((x + 0.5) / 7 - 40.5, (y + 0.5) / 7 - 36.5)
            near = numpy.min([numpy.abs(radius - wanted) for wanted in radii], axis=0)
            self.assertTrue((near < 1.2).all(), colour)
            for wanted in radii:
                self.assertGreater((numpy.abs(radius - wanted) < 1.2).sum(), 500)

    def test_reduced(self):
        """Where pixels are larger than voxels a single voxel is still seen."""
        labels = numpy.zeros((1500, 1200, 1))
        labels[700, 600] = 1
        labels[100:900, 100:400] = 2
        picture, _slices = self.draw(numpy.zeros(labels.shape), labels, "slice", 0)
        tile = self.tiles(picture, 560, 448)[0]
        self.assertEqual(numpy.argwhere(is_colour(tile, CYAN, 0)).tolist(), [[224, 261]])
        y, x = numpy.nonzero(is_colour(tile, ORANGE, 0))
        self.assertEqual((x.min(), x.max(), y.min(), y.max()), (37, 335, 37, 149))
        self.assertEqual(y.size, 2 * (335 - 37) + 2 * (149 - 37))


class Prompts(Preview):
    def setUp(self):
        super().setUp()
        self.image = numpy.zeros((56, 56, 3))

    def test_box(self):
        """Its frame lies on the outer edges of its voxels."""
        picture, _slices = self.draw(self.image, self.image, "slice", 1, "slice", 2, "box", 1, 30, 40, 20, 25)
        first, second = self.tiles(picture, 560, 560)[:2]
        wanted = numpy.zeros((560, 560), bool)
        wanted[249:411, 199:311] = True
        wanted[251:409, 201:309] = False
        yellow = is_colour(first, YELLOW, 0)
        yellow[:40, :80] = False  # the number
        self.assertTrue((yellow == wanted).all())
        self.assertFalse(is_colour(second, YELLOW, 0).any())

    def test_clicks(self):
        options = ["slice", 0, "slice", 1, "click", 0, 20, 30, 1, "click", 0, 40.5, 10, -1, "click", 1, 2, 50, -1]
        picture, _slices = self.draw(self.image + 255, self.image, *options, window=(0, 500))
        for tile, colour, middle in [(0, GREEN, (305, 205)), (0, RED, (105, 410)), (1, RED, (505, 25))]:
            y, x = numpy.nonzero(is_colour(self.tiles(picture, 560, 560)[tile], colour, 0))
            # A cross of two pixels' width.
            self.assertEqual((y.min(), y.max(), x.min(), x.max()), (middle[0] - 7, middle[0] + 6, middle[1] - 7, middle[1] + 6))
            self.assertEqual(y.size, 2 * 14 * 2 - 4)
        self.assertFalse(is_colour(self.tiles(picture, 560, 560)[1], GREEN, 0).any())

    def test_mirrored(self):
        """Prompts go with the image."""
        options = ["slice", 1, "slice", 2, "box", 1, 20, 25, 30, 40, "click", 2, 10, 12, 1]
        plain, _slices = self.draw(self.image, self.image, *options)
        options = ["slice", 1, "slice", 2, "box", 1, 35, 30, 25, 15, "click", 2, 45, 43, 1, "mirror", 1, 1]
        mirrored, _slices = self.draw(self.image, self.image, *options)
        self.assertTrue((plain == mirrored).all())

    def test_outside_the_view(self):
        """What lies outside is cut off."""
        options = ["slice", 1, "view", 10, 10, 37, 37, "box", 1, 0, 20, 20, 50, "click", 1, 3, 3, 1]
        picture, _slices = self.draw(self.image, self.image, *options)
        tile = self.tiles(picture, 560, 560)[0]
        self.assertFalse(is_colour(tile, GREEN, 0).any())
        yellow = is_colour(tile[40:], YELLOW, 0)
        y, x = numpy.nonzero(yellow)
        self.assertEqual((y.min() + 40, x.min(), x.max()), (199, 0, 220))
        self.assertTrue(yellow[-1, 219:221].all())

    def test_failure(self):
        """A slice that is not there: no picture, and nothing else."""
        self.draw(self.image, self.image, "slice", 1, "slice", 7, status=1)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["image.nii", "labels.nii"])


if __name__ == "__main__":
    unittest.main()
