"""Pictures of letters: one height for all fonts, a fixed baseline, centred on the ink, with a small seeded jitter."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from chance import uniform
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Letters are drawn on a sheet, of which the window in the middle is the picture (in pixels of 1/4 of a picture's).
SHEET, WINDOW, MARGIN = 256, 128, 64
BASELINE = 160.0
CAP_HEIGHT = 62.0
PICTURE = 32
JITTER_SCALE, JITTER_ROTATION, JITTER_SHEAR, JITTER_SHIFT = 0.07, 4.0, 0.06, 4.0


@lru_cache(maxsize=400)
def load(path: Path) -> ImageFont.FreeTypeFont:
    """Load a font in the size at which its H is ``CAP_HEIGHT`` high."""
    probe = ImageFont.truetype(str(path), 200, layout_engine=ImageFont.Layout.BASIC)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    return probe.font_variant(size=200 * CAP_HEIGHT / (bottom - top))


def draw(path: Path, character: str) -> Image.Image:
    """Draw a character on a sheet, its ink centred horizontally."""
    font = load(path)
    left, _, right, _ = font.getbbox(character, anchor="ls")
    sheet = Image.new("L", (SHEET, SHEET))
    ImageDraw.Draw(sheet).text((SHEET / 2 - (left + right) / 2, BASELINE), character, 255, font, anchor="ls")
    return sheet


def jitter(sheet: Image.Image, key: str) -> Image.Image:
    """Scale, rotate, shear and shift a sheet by amounts that depend on ``key`` alone."""
    scale, rotation, shear, dx, dy = (2 * uniform(f"jitter/{key}/{i}") - 1 for i in range(5))
    angle = np.deg2rad(JITTER_ROTATION * rotation)
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = rotate @ np.array([[1.0, JITTER_SHEAR * shear], [0.0, 1.0]]) / (1 + JITTER_SCALE * scale)
    centre = np.array([SHEET / 2, SHEET / 2])
    offset = centre - inverse @ (centre + JITTER_SHIFT * np.array([dx, dy]))
    coefficients = (*inverse[0], offset[0], *inverse[1], offset[1])
    return sheet.transform(sheet.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)


def window(sheet: Image.Image) -> NDArray[np.uint8]:
    """Return the middle of a sheet, (128, 128)."""
    pixels: NDArray[np.uint8] = np.asarray(sheet)
    return pixels[MARGIN:-MARGIN, MARGIN:-MARGIN]


def picture(sheet: Image.Image) -> NDArray[np.uint8]:
    """Return the middle of a sheet reduced to a picture, (32, 32)."""
    step = WINDOW // PICTURE
    blocks = window(sheet).reshape(PICTURE, step, PICTURE, step).astype(float)
    reduced: NDArray[np.uint8] = np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return reduced


def is_clipped(sheet: Image.Image) -> bool:
    """Say whether ink lies outside the window."""
    ink = np.asarray(sheet) > 24
    return bool(ink.sum() > ink[MARGIN:-MARGIN, MARGIN:-MARGIN].sum())
