"""Draws the demo pictures of examples/.

    python examples.py examples
"""

import os
import random
import sys

from PIL import Image, ImageDraw

from scenes import COLOURS, SUPERSAMPLE, chart_scene, outline, text_scene

PICTURES = {
    "red-circle.png": ((128, 96), "white", [("circle", "red", 58, 50, 30)]),
    "square-and-star.png": ((96, 144), "black", [("square", "blue", 34, 40, 20), ("star", "yellow", 58, 102, 26)]),
    "three-triangles.png": ((112, 112), "white", [("triangle", "green", 30, 34, 18), ("triangle", "green", 82, 38, 18),
                                                   ("triangle", "orange", 54, 84, 20)]),
}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, ((width, height), ground, shapes) in PICTURES.items():
        big = Image.new("RGB", (width * SUPERSAMPLE, height * SUPERSAMPLE), COLOURS[ground])
        draw = ImageDraw.Draw(big)
        for shape, colour, x, y, r in shapes:
            draw.polygon([(u * SUPERSAMPLE, v * SUPERSAMPLE) for u, v in outline(shape, x, y, r, 0)], fill=COLOURS[colour])
        big.reduce(SUPERSAMPLE).save(os.path.join(folder, name), optimize=True)
    drawn = {"bars.png": chart_scene(random.Random("example-9"), 176, 128, 5), "sign.png": text_scene(random.Random("example-2"), 144, 64)}
    for name, scene in drawn.items():
        Image.fromarray(scene.image).save(os.path.join(folder, name), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
