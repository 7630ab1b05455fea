"""Draws the small world of the pocket model: shapes, words, bar charts and tables.

Everything is a function of a random.Random, so a seed names a picture for good.
A Scene keeps what it drew; questions.py asks about it, and train.py derives from
it what each patch shows (an extra training target, dropped after training).
"""

import glob
import math
import os
import random
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PATCH = 16
MAX_SIDE = 256

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (40, 70, 220),
    "yellow": (240, 220, 40),
    "orange": (245, 140, 20),
    "purple": (130, 40, 170),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
}
GROUNDS = dict(COLOURS, grey=(128, 128, 128))
SHAPES = ["circle", "square", "triangle", "star", "cross", "diamond"]
BAR = len(SHAPES)  # the shape class of a bar in a chart
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SUPERSAMPLE = 3
WORDS_SHARE = 0.45  # of texts, how many are words

WORDS = """ABLE ACID ALARM APPLE ARM BAKER BALL BANK BEACH BIRD BLUE BOAT BOOK BOX BREAD BUS CAFE CAKE CAR CASH CAT
CITY CLOCK CLOSED COLD CUP DANGER DOG DOOR DRY EAST EGG ENGINE ENTER EXIT FARM FAST FIRE FISH FLOWER FOOD FREE FROG
GARDEN GAS GATE GIFT GO GOLD GRASS GREEN HAND HAPPY HELLO HELP HILL HOME HORSE HOTEL HOUR ICE INK JAM JOB JUICE JULY
JUMP KEY KING KITE LAKE LAMP LEFT LEMON LIFT LION LOCK LOVE LUCKY MAP MARKET MENU MILK MOON MUSIC NEW NIGHT NO NORTH
OCEAN OFF OFFICE ON OPEN ORANGE OVEN PAINT PAPER PARK PEACE PIXEL PIZZA PLANE PLAY POLICE PULL PUSH QUEEN QUICK QUIET
QUIZ RADIO RAIN RED RICE RIGHT RIVER ROAD ROBOT ROOM SALE SALT SAND SCHOOL SEA SHIP SHOP SLOW SNOW SOUP SOUTH SPRING
STAR START STOP SUGAR SUN TAXI TEA THE TICKET TIGER TIME TOOL TOWN TRAIN TREE TRUCK TUNA TWO UNIT UP VALLEY VAN VIEW
VOICE WALK WARM WATER WEST WIND WINDOW WINE WINTER WOOD WORLD XRAY YARD YELLOW YES YOGA ZEBRA ZERO ZONE ZOO""".split()


@dataclass
class Object:
    """One drawn shape; centre and radius in pixels of the picture."""

    shape: str
    colour: str
    x: float
    y: float
    r: float
    polygon: list

    @property
    def name(self):
        return f"{self.colour} {self.shape}"


@dataclass
class Glyph:
    """One drawn character and the centre of its box."""

    char: str
    x: float
    y: float


@dataclass
class Scene:
    """A picture and what is in it. image is [H, W, 3] uint8."""

    kind: str
    image: np.ndarray
    ground: str = ""
    objects: list = field(default_factory=list)
    glyphs: list = field(default_factory=list)
    text: str = ""
    rows: list = field(default_factory=list)  # (label, value) of a chart or table
    row_colours: list = field(default_factory=list)
    mine: np.ndarray = None  # [rows, columns], which object or row each patch shows, -1 for none (data.patch_labels)
    reading: list = field(default_factory=list)  # row and column of the patch of each glyph, from left to right
    drawn: np.ndarray = None  # [H, W] float32, 1 where something was drawn on the ground

    @property
    def size(self):
        return self.image.shape[1], self.image.shape[0]


def jitter(rng, rgb, amount):
    return tuple(min(255, max(0, c + rng.randint(-amount, amount))) for c in rgb)


def contrast(a, b):
    return math.dist(a, b)


def outline(shape, x, y, r, tilt):
    """The polygon of a shape as a list of points; a circle has 40."""
    def at(angle, radius):
        return (x + radius * math.sin(angle + tilt), y - radius * math.cos(angle + tilt))

    tau = 2 * math.pi
    if shape == "circle":
        return [at(tau * i / 40, r) for i in range(40)]
    if shape == "square":
        return [at(tau * (i + 0.5) / 4, r * 1.2) for i in range(4)]
    if shape == "diamond":
        return [(x, y - r * 1.2), (x + r * 0.8, y), (x, y + r * 1.2), (x - r * 0.8, y)]
    if shape == "triangle":
        return [at(tau * i / 3, r * 1.2) for i in range(3)]
    if shape == "star":
        return [at(tau * i / 10, r * (1.2 if i % 2 == 0 else 0.5)) for i in range(10)]
    if shape == "cross":
        a, b = r * 0.36, r * 1.05
        corners = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a)]
        cos, sin = math.cos(tilt), math.sin(tilt)
        return [(x + u * cos - v * sin, y + u * sin + v * cos) for u, v in corners]
    raise ValueError(shape)


def paint_ground(rng, width, height, rgb, textured):
    """An RGB picture of one colour, or of that colour with a faint texture."""
    if not textured:
        return Image.new("RGB", (width, height), rgb)
    noise = np.random.default_rng(rng.getrandbits(32))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    style = rng.choice(["noise", "gradient", "stripes", "checks"])
    if style == "noise":
        wave = noise.normal(0, 10, (height, width)).astype(np.float32)
    elif style == "gradient":
        angle = rng.uniform(0, 2 * math.pi)
        wave = 24 * (math.cos(angle) * (x / width - 0.5) + math.sin(angle) * (y / height - 0.5))
    elif style == "stripes":
        angle = rng.uniform(0, math.pi)
        wave = 10 * np.sign(np.sin((math.cos(angle) * x + math.sin(angle) * y) * rng.uniform(0.3, 1.2)))
    else:
        side = rng.randint(4, 12)
        wave = 10 * np.sign(np.sin(math.pi * x / side) * np.sin(math.pi * y / side))
    pixels = np.asarray(rgb, np.float32) + wave[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def difference(after, before):
    """1 where two pictures differ clearly, 0 elsewhere: [H, W] float32."""
    apart = np.abs(np.asarray(after, np.int16) - np.asarray(before, np.int16)).max(-1)
    return (apart > 40).astype(np.float32)


def place(rng, width, height, count, r_min, r_max):
    """Centres and radii of up to count shapes that neither touch nor leave the picture."""
    spots = []
    for _ in range(60):
        if len(spots) == count:
            break
        r = rng.uniform(r_min, r_max) * (0.97 ** len(spots))
        reach = r * 1.25
        if 2 * reach >= min(width, height):
            continue
        x, y = rng.uniform(reach, width - reach), rng.uniform(reach, height - reach)
        if all(math.dist((x, y), (u, v)) > 1.22 * (r + s) + 2 for u, v, s in spots):
            spots.append((x, y, r))
    return spots


def shapes_scene(rng, width, height, count, textured=False):
    """A ground and up to count shapes, each well apart in colour from the ground."""
    ground = rng.choice(list(GROUNDS) + ["white", "white", "black", "grey"])
    ground_rgb = jitter(rng, GROUNDS[ground], 12)
    seen = [c for c, rgb in COLOURS.items() if contrast(rgb, ground_rgb) > 110]
    side = min(width, height)
    r_max = max(9.5, side * (0.38 if count == 1 else 0.30 if count == 2 else 0.22))
    spots = place(rng, width, height, count, 8.0, r_max)
    if not spots:
        spots = [(width / 2, height / 2, side * 0.35)]
    few = rng.sample(seen, min(2, len(seen))) if rng.random() < 0.15 else seen
    kinds = rng.sample(SHAPES, 2) if rng.random() < 0.3 else SHAPES
    canvas = paint_ground(rng, width, height, ground_rgb, textured)
    big = canvas.resize((width * SUPERSAMPLE, height * SUPERSAMPLE), Image.NEAREST)
    draw = ImageDraw.Draw(big)
    scene = Scene("shapes", None, ground)
    for x, y, r in spots:
        colour, shape = rng.choice(few), rng.choice(kinds)
        rgb = jitter(rng, COLOURS[colour], 12)
        polygon = outline(shape, x, y, r, rng.uniform(-0.12, 0.12))
        draw.polygon([(u * SUPERSAMPLE, v * SUPERSAMPLE) for u, v in polygon], fill=rgb)
        scene.objects.append(Object(shape, colour, x, y, r, polygon))
    scene.image = np.asarray(big.reduce(SUPERSAMPLE))
    scene.drawn = difference(scene.image, canvas)
    return scene


@lru_cache(maxsize=1)
def font_files():
    """Files of the fonts, in a fixed order."""
    families = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold",
                "LiberationSans-Regular", "LiberationSans-Bold", "LiberationSerif-Regular", "LiberationSerif-Bold",
                "LiberationMono-Regular", "LiberationMono-Bold"]
    found = {}
    for root in ("/usr/share/fonts",):
        for path in glob.glob(root + "/**/*", recursive=True):
            stem, ext = os.path.splitext(os.path.basename(path))
            if stem in families and ext in (".ttf", ".otf"):
                found.setdefault(stem, path)
    missing = [f for f in families if f not in found]
    if missing:  # a seed names a picture only with the same fonts
        raise RuntimeError(f"no font {missing[0]}: install fonts-dejavu-core and fonts-liberation")
    return [found[f] for f in families]


@lru_cache(maxsize=1024)
def font(index, size):
    return ImageFont.truetype(font_files()[index], size)


def ink(rng, ground_rgb, least=180):
    """A colour that stands out from the ground."""
    choices = [rgb for rgb in COLOURS.values() if contrast(rgb, ground_rgb) > least]
    return jitter(rng, rng.choice(choices), 10)


def write(draw, xy, text, face, rgb):
    """Draws text with its left top corner at xy and returns its glyphs with their centres."""
    x, y = xy
    _, top, _, bottom = face.getbbox(text)
    draw.text((x, y - top), text, font=face, fill=rgb)
    glyphs = []
    for i, char in enumerate(text):
        left, right = face.getlength(text[:i]), face.getlength(text[: i + 1])
        glyphs.append(Glyph(char, x + (left + right) / 2, y + (bottom - top) / 2))
    return glyphs


def random_text(rng, longest, words=WORDS_SHARE):
    """A word, a number or a row of letters and digits of at most `longest` characters."""
    style = rng.random()
    if style < words:
        fitting = [w for w in WORDS if len(w) <= longest]
        if fitting:
            return rng.choice(fitting)
    n = rng.randint(1, longest)
    style = WORDS_SHARE + (1 - WORDS_SHARE) * (style - words) / (1 - words)
    alphabet = "0123456789" if style < 0.65 else LETTERS[:26] if style < 0.9 else LETTERS
    return "".join(rng.choice(alphabet) for _ in range(n))


def text_scene(rng, width, height, longest=8, textured=False, words=WORDS_SHARE):
    """One word or number in one of the fonts."""
    ground = rng.choice(list(GROUNDS) + ["white"] * 6 + ["black"] * 2)
    ground_rgb = jitter(rng, GROUNDS[ground], 12)
    canvas = paint_ground(rng, width, height, ground_rgb, textured)
    text = random_text(rng, longest, words)
    index = rng.randrange(len(font_files()))
    size = rng.randint(14, max(14, min(34, int(height * 0.8))))
    face = font(index, size)
    while face.getlength(text) > width - 4 and size > 12:
        size -= 1
        face = font(index, size)
    while face.getlength(text) > width - 4:
        text = text[:-1]
    _, top, _, bottom = face.getbbox(text)
    x = rng.uniform(2, max(2, width - 2 - face.getlength(text)))
    y = rng.uniform(1, max(1, height - 1 - (bottom - top)))
    before = canvas.copy()
    glyphs = write(ImageDraw.Draw(canvas), (int(x), int(y)), text, face, ink(rng, ground_rgb))
    return Scene("text", np.asarray(canvas), ground, glyphs=glyphs, text=text, drawn=difference(canvas, before))


def page_scene(rng, width, height, textured=False):
    """Lines of letters in many fonts, only to learn to read from: every patch has some."""
    ground = rng.choice(list(GROUNDS) + ["white"] * 6 + ["black"] * 2)
    ground_rgb = jitter(rng, GROUNDS[ground], 12)
    canvas = paint_ground(rng, width, height, ground_rgb, textured)
    before, draw = canvas.copy(), ImageDraw.Draw(canvas)
    scene, y = Scene("page", None, ground), rng.randint(1, 8)
    while y < height - 10:
        size = rng.choice([rng.randint(12, 18), rng.randint(12, 34)])
        face = font(rng.randrange(len(font_files())), size)
        x, rgb = rng.randint(1, 10), ink(rng, ground_rgb)
        while x < width - size * 0.8:
            text = random_text(rng, 8, 0.2)
            while text and x + face.getlength(text) > width - 1:
                text = text[:-1]
            if text:
                scene.glyphs += write(draw, (x, y), text, face, rgb)
            x += int(face.getlength(text)) + rng.randint(4, 16)
        y += max(18, size) + rng.randint(0, 8)  # centres of two lines are never in one patch
    scene.image = np.asarray(canvas)
    scene.drawn = difference(canvas, before)
    return scene


def chart_scene(rng, width, height, count):
    """A bar chart: a letter under each bar, its value above it."""
    count = max(2, min(count, width // 22))
    ground = rng.choice(["white", "white", "white", "black", "grey"])
    ground_rgb = jitter(rng, GROUNDS[ground], 10)
    canvas = Image.new("RGB", (width, height), ground_rgb)
    draw = ImageDraw.Draw(canvas)
    face = font(rng.randrange(len(font_files())), rng.randint(12, 14))
    text_rgb = (10, 10, 10) if contrast(ground_rgb, (0, 0, 0)) > 150 else (245, 245, 245)
    labels = rng.sample(LETTERS[:26], count)
    if rng.random() < 0.5:
        labels = list(LETTERS[:count])
    values = rng.sample(range(1, 10), count)
    seen = [c for c, rgb in COLOURS.items() if contrast(rgb, ground_rgb) > 110]
    colours = [rng.choice(seen)] * count if rng.random() < 0.5 else rng.sample(seen, min(count, len(seen)))
    scene = Scene("chart", None, ground)
    step, base = width / count, height - 18
    unit = (base - 18) / 9
    for i, (label, value) in enumerate(zip(labels, values)):
        colour = colours[i % len(colours)]
        x0, x1 = step * i + step * 0.22, step * (i + 1) - step * 0.22
        y0 = base - unit * value
        draw.rectangle([x0, y0, x1, base], fill=jitter(rng, COLOURS[colour], 8))
        polygon = [(x0, y0), (x1, y0), (x1, base), (x0, base)]
        scene.objects.append(Object("bar", colour, (x0 + x1) / 2, (y0 + base) / 2, (x1 - x0) / 2, polygon))
        middle = (x0 + x1) / 2
        scene.glyphs += write(draw, (int(middle - face.getlength(label) / 2), base + 4), label, face, text_rgb)
        number = str(value)
        scene.glyphs += write(draw, (int(middle - face.getlength(number) / 2), int(y0) - 13), number, face, text_rgb)
        scene.rows.append((label, value))
        scene.row_colours.append(colour)
    draw.line([2, base, width - 3, base], fill=text_rgb)
    scene.image = np.asarray(canvas)
    scene.drawn = difference(canvas, Image.new("RGB", (width, height), ground_rgb))
    return scene


def table_scene(rng, width, height, count):
    """A table of two columns: a letter and a number."""
    count = max(2, min(count, height // 20))
    ground = rng.choice(["white", "white", "white", "yellow", "grey", "black"])
    ground_rgb = jitter(rng, GROUNDS[ground], 10)
    canvas = Image.new("RGB", (width, height), ground_rgb)
    draw = ImageDraw.Draw(canvas)
    face = font(rng.randrange(len(font_files())), rng.randint(13, 17))
    text_rgb = (10, 10, 10) if contrast(ground_rgb, (0, 0, 0)) > 150 else (245, 245, 245)
    labels = rng.sample(LETTERS[:26], count)
    values = rng.sample(range(0, 100), count)
    row = height / count
    split = width * rng.uniform(0.35, 0.55)
    scene = Scene("table", None, ground)
    for i, (label, value) in enumerate(zip(labels, values)):
        y = int(row * (i + 0.5) - 6)
        scene.glyphs += write(draw, (int(split * rng.uniform(0.25, 0.45)), y), label, face, text_rgb)
        scene.glyphs += write(draw, (int(split) + 6, y), str(value), face, text_rgb)
        if i:
            draw.line([1, int(row * i), width - 2, int(row * i)], fill=text_rgb)
        scene.rows.append((label, value))
    draw.line([int(split), 1, int(split), height - 2], fill=text_rgb)
    draw.rectangle([0, 0, width - 1, height - 1], outline=text_rgb)
    scene.image = np.asarray(canvas)
    scene.drawn = difference(canvas, Image.new("RGB", (width, height), ground_rgb))
    return scene
