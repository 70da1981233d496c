"""python3 make.py, with numpy and PIL 9.4: the images of these tests, and what PIL makes of them. Kept as they came out: other versions compress otherwise."""
import numpy as np
from PIL import Image

rng = np.random.default_rng(0)


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([128 + 60 * np.sin(x / 5 + k) + 50 * np.cos(y / 4 + 2 * k) for k in range(3)], -1)
    return Image.fromarray(np.clip(waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8))


big = picture(61, 45)
big.save('baseline.jpg', quality=85)
big.save('baseline-444.jpg', quality=85, subsampling=0)
big.save('progressive.jpg', quality=85, progressive=True)
big.convert('L').save('grey.jpg', quality=85)
big.convert('CMYK').save('cmyk.jpg', quality=85)
for name in ('baseline', 'progressive', 'cmyk'):
    Image.open(f'{name}.jpg').convert('RGB').save(f'{name}.decoded.png')

# torchvision's Resize(N): the shorter side becomes N, the other int(N * longer / shorter).
small = picture(37, 29)
small.save('small.png')
for side in (8, 20, 29, 50):
    small.resize((side * 37 // 29, side), Image.BILINEAR).save(f'small.{side}.png')
tall = small.transpose(Image.ROTATE_90)
tall.save('tall.png')
tall.resize((11, 11 * 37 // 29), Image.BILINEAR).save('tall.11.png')

clear = np.dstack([np.array(small), rng.integers(0, 256, (29, 37))]).astype(np.uint8)
Image.fromarray(clear).save('rgba.png')
white = Image.new('RGBA', (37, 29), 'white')
white.alpha_composite(Image.fromarray(clear))
white.convert('RGB').save('rgba.white.png')
small.quantize(16).save('palette.png', transparency=3)
white = Image.new('RGBA', (37, 29), 'white')
white.alpha_composite(Image.open('palette.png').convert('RGBA'))
white.convert('RGB').save('palette.white.png')
Image.fromarray(np.array(small.convert('L')).astype(np.uint16) * 257).save('sixteen.png')
small.convert('L').save('sixteen.upper.png')
