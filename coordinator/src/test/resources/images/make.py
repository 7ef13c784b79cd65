"""Makes the images beside it and, with torchvision, what EvaluationTransform must make of them for inputs of 32 pixels.

Run in this folder; made with torchvision 0.14.1 and Pillow 9.4.0.
"""

import numpy as np
from PIL import Image
from torchvision import transforms

SIZE = 32
random = np.random.RandomState(0)


def picture(width, height):
    """Slopes, so that places can be told apart, and noise, so that aliasing shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    slopes = np.stack([x, y, 1 - x * y], axis=-1) * 200
    return Image.fromarray((slopes + random.randint(0, 56, slopes.shape)).astype(np.uint8))


def alpha(image):
    image = image.convert("RGBA")
    image.putalpha(Image.fromarray(random.randint(0, 256, image.size[::-1]).astype(np.uint8)))
    return image


images = {
    "landscape.png": picture(97, 61),
    "upright-grey.png": picture(45, 83).convert("L"),
    "small-palette.png": picture(13, 11).convert("P", palette=Image.ADAPTIVE, colors=16),
    "alpha.png": alpha(picture(70, 50)),
    "grey-alpha.png": picture(50, 50).convert("LA"),
    "black-white.png": picture(75, 60).convert("1"),
    "cmyk.jpg": Image.new("CMYK", (48, 40), (200, 30, 90, 60)),
}
evaluation = transforms.Compose([transforms.Resize(round(SIZE * 256 / 224)), transforms.CenterCrop(SIZE)])
for name, image in images.items():
    image.save(name)
    evaluation(Image.open(name).convert("RGB")).save("expected-" + name.split(".")[0] + ".png")
