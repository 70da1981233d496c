"""Auto-Attack of its authors (PyTorch) and of AsclNative on the same ONNX models and images, image by image: the numbers of
../onnx-autoattack.md. Needs PyTorch 1.13 or newer, Pillow, onnx (for torch.onnx.export), and the authors' code in the folder AUTHORS
(git clone https://github.com/fra31/auto-attack). CIFAR is a folder train|test/CLASS/IMAGE.jpg. One thread; results lie in the folder OUT.

    python3 compare.py images CIFAR OUT         # images.safetensors: 128 test images, float32 in [0, 1], which both programs read
    python3 networks.py NET CIFAR OUT           # NET.onnx, NET.pt; NET is mobilenet, vit or densenet
    python3 compare.py attack NET OUT AUTHORS   # NET-authors.json: what the authors' Auto-Attack finds
    python3 compare.py ascl NET OUT ASCL        # NET-ascl.json: what `ascl evaluate` finds (ASCL is the program)
    python3 compare.py compare OUT              # prints the table
    python3 compare.py fixture OUT AUTHORS DIR  # images of tests/fixtures/onnx-trained; prints what OnnxAttackTests expects
"""
import json
import resource
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from networks import SETTINGS, read_folder, trained

COUNT = 128
ATTACKS = ["apgd-ce", "apgd-t", "fab-t", "square"]


def load(path):
    """Tensors of a safetensors file."""
    data = Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": "<f4", "I64": "<i8"}
    return {name: torch.from_numpy(np.frombuffer(data[start:][slice(*of["data_offsets"])], kinds[of["dtype"]]).reshape(of["shape"]).copy())
            for name, of in json.loads(data[8:start]).items() if name != "__metadata__"}


def store(path, arrays, metadata):
    header, parts, at = {"__metadata__": metadata}, [], 0
    for name, array in arrays.items():
        kind = {"float64": "F64", "float32": "F32", "int64": "I64", "uint8": "U8"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        parts.append(np.ascontiguousarray(array).tobytes())
        at += array.nbytes
    text = json.dumps(header).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def images(cifar, out):
    x, y = read_folder(Path(cifar, "test"), COUNT // 10 + 1)
    pixels = x[:COUNT].numpy().astype(np.float32) / np.float32(255)
    store(Path(out, "images.safetensors"), {"images": pixels, "labels": y[:COUNT].numpy()}, {})


def read(out):
    arrays = load(Path(out, "images.safetensors"))
    return arrays["images"], arrays["labels"]


def attack(name, out, authors):
    """The standard cascade of the authors; one attack a call, so that each one's images and seconds are known."""
    sys.path.insert(0, authors)
    from autoattack import AutoAttack
    model, (x, y), epsilon = trained(name, out), read(out), SETTINGS[name][0]
    adversary = AutoAttack(model, norm="Linf", eps=epsilon, seed=0, version="standard", device="cpu", verbose=False)
    with torch.no_grad():
        predictions = model(x).argmax(1)
    by, report = ["clean" if wrong else None for wrong in (predictions != y).tolist()], {}
    for one in ATTACKS:
        left = torch.tensor([i for i, attacked in enumerate(by) if attacked is None])
        if len(left) == 0:
            break
        adversary.attacks_to_run = [one]
        wall, cpu = time.time(), time.process_time()
        adversarial = adversary.run_standard_evaluation(x[left], y[left], bs=len(left))
        report[one] = {"seconds": round(time.time() - wall, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}
        change = (adversarial - x[left]).abs().max().item()
        assert change <= epsilon + 1e-6, change
        with torch.no_grad():
            for i, prediction in zip(left.tolist(), model(adversarial).argmax(1).tolist()):
                by[i] = one if prediction != y[i] else None
        print(name, one, by.count(None), report[one], flush=True)
    write(name, out, "authors", f"PyTorch {torch.__version__}", by, report)


def write(name, out, program, version, by, report):
    """by: what turned each image; null for one that survives all."""
    left, robust = len(by) - by.count("clean"), {"clean": len(by) - by.count("clean")}
    for one in ATTACKS:
        left -= by.count(one)
        robust[one] = left
    Path(out, f"{name}-{program}.json").write_text(json.dumps(
        {"network": name, "program": program, "version": version, "epsilon": SETTINGS[name][0], "images": len(by), "right_after": robust,
         "attacks": report, "turned_by": by}) + "\n")


def golden(name, out):
    """Logits and input gradients of the PyTorch network in float64, for `ascl verify`; the labels are its predictions."""
    (x, _), model = read(out), trained(name, out).double()
    x = x.double().requires_grad_()
    logits = model(x)
    gradient, = torch.autograd.grad(F.cross_entropy(logits, logits.argmax(1), reduction="sum"), x)
    store(Path(out, f"{name}.safetensors"), {
        "images": x.detach().float().numpy(), "labels": logits.argmax(1).numpy(), "logits": logits.detach().numpy(),
        "input_grad_of_summed_cross_entropy": gradient.numpy()}, {"kind": "onnx"})


def ascl(name, out, program):
    """The same by AsclNative: first the predictions and gradients, then the attack."""
    golden(name, out)
    subprocess.run([program, "verify", str(Path(out, f"{name}.safetensors"))], check=True)
    tested, same = f"file:{Path(out, name)}.safetensors", Path(out, f"{name}-same.json")
    shared = [program, "evaluate", "--weights", str(Path(out, f"{name}.onnx")), "--threads", "1"]
    subprocess.run([*shared, "--data", tested, "--attack", "noise", "--json", str(same)], check=True)
    assert json.loads(same.read_text())["clean_accuracy"] == 1, "other predictions than PyTorch's"
    folder, before = Path(out, f"{name}-ascl"), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*shared, "--data", f"file:{Path(out, 'images.safetensors')}", "--attack", "autoattack",
                    "--epsilon", repr(SETTINGS[name][0]), "--out", str(folder)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found, report = load(folder / "adversarial.safetensors"), json.loads(Path(folder, "report.json").read_text())
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    # What it turned it had right before; its other predictions are PyTorch's, as was seen above.
    x, y = read(out)
    with torch.no_grad():
        by = ["clean" if wrong else None for wrong in (trained(name, out)(x).argmax(1) != y).tolist()]
    for i, of in zip(found["ids"].tolist(), found["attacks"].tolist()):
        assert by[i] is None
        by[i] = report["attacks"][of]["name"].lower()
    write(name, out, "ascl", version, by, {of["name"].lower(): {"seconds": round(of["seconds"], 1)} for of in report["attacks"]} | {
        "all": {"cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)}})


def compare(out):
    """A row a program and network, and the images on which the two disagree, whatever attack turned them."""
    print("| network | ε·255 | program | clean | " + " | ".join(ATTACKS) + " | seconds of each | CPU seconds |")
    for name in SETTINGS:
        results = [json.loads(Path(out, f"{name}-{program}.json").read_text()) for program in ("authors", "ascl")]
        for of in results:
            times = [of["attacks"].get(one, {}).get("seconds", 0) for one in ATTACKS]
            cpu = sum(attack.get("cpu_seconds", 0) for attack in of["attacks"].values())
            print(f"| {name} | {of['epsilon'] * 255:.3g} | {of['version']} | " + " | ".join(str(n) for n in of["right_after"].values())
                  + f" | {', '.join(map(str, times))} | {cpu:.0f} |")
        survivors = [{i for i, one in enumerate(of["turned_by"]) if one is None} for of in results]
        wrong = [[i for i, one in enumerate(of["turned_by"]) if one == "clean"] for of in results]
        print("clean images differ:", wrong[0] != wrong[1], "only the authors' leaves robust:", sorted(survivors[0] - survivors[1]),
              "only ascl leaves robust:", sorted(survivors[1] - survivors[0]))


def fixture(out, authors, folder, count=32):
    """The first images, as bytes, and how many of them the authors' APGD-CE, alone on these, leaves right."""
    sys.path.insert(0, authors)
    from autoattack import AutoAttack
    x, y = (of[:count] for of in read(out))
    store(Path(folder, "images.safetensors"), {"images": (x * 255).round().to(torch.uint8).numpy(), "labels": y.numpy()}, {})
    for name in ("mobilenet", "densenet"):
        model = trained(name, out)
        adversary = AutoAttack(model, eps=SETTINGS[name][0], seed=0, version="custom", attacks_to_run=["apgd-ce"], device="cpu",
                               verbose=False)
        adversary.apgd.n_restarts = 1
        adversarial = adversary.run_standard_evaluation(x, y)
        with torch.no_grad():
            print(name, *((model(of).argmax(1) == y).sum().item() for of in (x, adversarial)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {of.__name__: of for of in (images, attack, golden, ascl, compare, fixture)}[sys.argv[1]](*sys.argv[2:])
