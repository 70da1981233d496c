"""Three small networks and their training: `python3 networks.py NET CIFAR OUT` writes OUT/NET.pt and OUT/NET.onnx (NET: mobilenet, vit or
densenet; CIFAR: a folder train|test/CLASS/IMAGE.jpg). One thread, minutes."""
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# epsilon of training and attack, epochs, learning rate
SETTINGS = {"mobilenet": (2 / 255, 4, 6e-3), "vit": (2 / 255, 4, 3e-3), "densenet": (2 / 255, 4, 6e-3)}


class Normalised(nn.Module):
    """Takes pixels in [0, 1]."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([0.4914, 0.4822, 0.4465]).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.2470, 0.2435, 0.2616]).reshape(1, 3, 1, 1))

    def forward(self, x):
        return self.network((x - self.mean) / self.deviation)


class InvertedResidual(nn.Module):
    """MobileNetV2: 1x1 up, depthwise 3x3, linear 1x1 down; ReLU6."""

    def __init__(self, width, out, stride, expand):
        super().__init__()
        inner = width * expand
        self.layers = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(),
            nn.Conv2d(inner, out, 1, bias=False), nn.BatchNorm2d(out))
        self.adds = stride == 1 and width == out

    def forward(self, x):
        return x + self.layers(x) if self.adds else self.layers(x)


def mobilenet():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
        InvertedResidual(16, 24, 1, 2), InvertedResidual(24, 24, 1, 2), InvertedResidual(24, 40, 2, 3), InvertedResidual(40, 40, 1, 3),
        nn.Conv2d(40, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))


class EncoderLayer(nn.Module):
    """A pre-norm transformer layer; attention written out, as in many public ViTs."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self, width=64, layers=3, heads=4, patch=8):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + (32 // patch) ** 2, width))
        self.layers = nn.Sequential(*(EncoderLayer(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.layers(x))[:, 0])


class DenseLayer(nn.Module):
    """DenseNet: BatchNorm, ReLU, 3x3 convolution; its output is appended to its input."""

    def __init__(self, width, growth):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, growth, 3, 1, 1, bias=False))

    def forward(self, x):
        return torch.cat([x, self.layers(x)], 1)


class Gate(nn.Module):
    """Squeeze and excitation: channels weighted by a sigmoid of their means."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width // 4, 1), nn.SiLU(),
                                    nn.Conv2d(width // 4, width, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.layers(x)


def densenet():
    layers, width = [nn.Conv2d(3, 16, 3, 2, 1, bias=False)], 16
    for growth in (8, 16):
        for _ in range(4):
            layers.append(DenseLayer(width, growth))
            width += growth
        layers += [Gate(width), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)]
        width //= 2
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def network(name):
    torch.manual_seed(0)
    return Normalised({"mobilenet": mobilenet, "vit": VisionTransformer, "densenet": densenet}[name]())


def read_folder(folder, a_class):
    """The first images of each class, classes by turns: uint8 [n, 3, 32, 32] and labels."""
    from PIL import Image
    files = [sorted(path.iterdir())[:a_class] for path in sorted(Path(folder).iterdir())]
    chosen = [(of_class[i], label) for i in range(a_class) for label, of_class in enumerate(files)]
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in chosen]).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(pixels)), torch.tensor([label for _, label in chosen])


def train(name, cifar, out, a_class=600, batch=64):
    """Adversarial training by one signed step from a random start (Wong et al. 2020); the first epoch is natural."""
    epsilon, epochs, rate = SETTINGS[name]
    pixels, labels = read_folder(Path(cifar, "train"), a_class)
    model = network(name)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    steps = epochs * (len(labels) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    started = time.time()
    for step in range(steps):
        if step % (len(labels) // batch) == 0:
            order = torch.randperm(len(labels))
        rows = order[step * batch % (len(labels) // batch * batch):][:batch]
        x, y = pixels[rows].float() / 255, labels[rows]
        mirrored = torch.rand(len(rows)) < 0.5
        x[mirrored] = x[mirrored].flip(3)
        corner = torch.randint(0, 5, (2,)).tolist()
        x = F.pad(x, (2, 2, 2, 2))[:, :, corner[0]:corner[0] + 32, corner[1]:corner[1] + 32]
        if step >= steps // epochs:
            model.eval()
            change = torch.empty_like(x).uniform_(-epsilon, epsilon).requires_grad_()
            gradient, = torch.autograd.grad(F.cross_entropy(model((x + change).clamp(0, 1)), y, reduction="sum"), change)
            change = (change.detach() + 1.25 * epsilon * gradient.sign()).clamp(-epsilon, epsilon)
            x = (x + change).clamp(0, 1)
            model.train()
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(name, step, steps, f"loss {loss.item():.3f}, {time.time() - started:.0f} s", flush=True)
    torch.save(model.state_dict(), Path(out, f"{name}.pt"))
    torch.onnx.export(model.eval(), torch.rand(2, 3, 32, 32), str(Path(out, f"{name}.onnx")), opset_version=17, input_names=["images"],
                      output_names=["logits"], dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}})


def trained(name, out):
    model = network(name)
    model.load_state_dict(torch.load(Path(out, f"{name}.pt")))
    return model.eval()


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(*sys.argv[1:])
