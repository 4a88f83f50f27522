"""What many people do by hand: features once by torchvision, then scikit-learn.

    python benches/adapt/torch_features.py FOLDER WEIGHTS.pth --threads 2

FOLDER has one folder of pictures for each class, WEIGHTS.pth is torchvision's MobileNetV2. The
trunk runs once for each picture, in batches; logistic regression is then tried with several
strengths by five-fold cross-validation, as `zoo adapt` does, and solved with the best one. Printed
is JSON: seconds of each part and in all, from the start of the process to its end but for the
start of Python itself, and the accuracy over the five folds.
"""

import argparse
import json
import time

STRENGTHS = [0.0001, 0.001, 0.01, 0.1, 1.0]
"""Inverse strengths of regularisation that are tried; features have deviation one."""


def opaque(image):
    """The picture as RGB, on white where it is transparent."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def pictures(folder: str):
    """The labelled pictures, prepared as the weights' page at torchvision says."""
    from PIL import Image
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    prepare = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    return ImageFolder(folder, prepare, loader=lambda path: opaque(Image.open(path)))


def features_of(dataset, weights: str, batch: int):
    """`[pictures, 1280]` features and the labels, as arrays."""
    import torch
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2(weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.classifier = torch.nn.Identity()
    network.eval()
    features, labels = [], []
    with torch.inference_mode():
        for images, classes in torch.utils.data.DataLoader(dataset, batch):
            features.append(network(images))
            labels.append(classes)
    return torch.cat(features).numpy(), torch.cat(labels).numpy()


def solve(features, labels) -> tuple[float, float]:
    """The best strength and its accuracy over five folds; the head is solved with it, too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(5, shuffle=True, random_state=0)

    def head(strength):
        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))

    accuracies = {
        strength: cross_val_score(head(strength), features, labels, cv=folds).mean()
        for strength in STRENGTHS
    }
    best = max(accuracies, key=accuracies.get)
    head(best).fit(features, labels)
    return best, float(accuracies[best])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("weights", metavar="WEIGHTS.pth")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    laps = [time.perf_counter()]
    import sklearn.linear_model  # noqa: F401  (so that its start counts as such)
    import torch

    torch.set_num_threads(arguments.threads)
    dataset = pictures(arguments.folder)
    laps.append(time.perf_counter())
    features, labels = features_of(dataset, arguments.weights, arguments.batch)
    laps.append(time.perf_counter())
    strength, accuracy = solve(features, labels)
    laps.append(time.perf_counter())
    parts = dict(zip(("start", "features", "head"), (b - a for a, b in zip(laps, laps[1:]))))
    report = {
        "pictures": len(labels),
        "strength": strength,
        "five_fold_accuracy": accuracy,
        "seconds": {**parts, "all": laps[-1] - laps[0]},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
