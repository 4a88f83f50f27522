"""What publishers' own code makes of recordings and sentences: numbers for tests/trunks.rs.

    python generate.py FIXTURES MINILM > trunks.json

FIXTURES has `models/torchcrepe-tiny.pth` and `models/silero_vad_16k.safetensors`; MINILM has
`model.safetensors` and `tokenizer.json` of all-MiniLM-L6-v2. Needs numpy, torch, torchcrepe,
safetensors, transformers and tokenizers.

The recording is a sum of two tones that glide, 0.5 s at 16 kHz, as `signal` says.
"""
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch


def signal():
    t = np.arange(8000) / 16000
    phase = 2 * np.pi * (150 * t + 100 * t * t)
    return (0.4 * np.sin(phase) + 0.2 * np.sin(3.1 * phase + 0.5)).astype(np.float32)


def statistics(values):
    """Mean and deviation over time, as the trunks' graphs have them."""
    values = values.double()
    mean = values.mean(0)
    return torch.cat([mean, ((values - mean) ** 2).mean(0).sqrt()])


def some(values):
    return [float(v) for v in values[:: max(1, len(values) // 32)]]


def crepe(fixtures):
    where = importlib.util.find_spec("torchcrepe").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("crepe_model", Path(where) / "model.py")
    source = Path(spec.origin).read_text().replace("import torchcrepe", "")
    module = {"torchcrepe": types.SimpleNamespace(PITCH_BINS=360)}
    exec(compile(source, spec.origin, "exec"), module)
    model = module["Crepe"]("tiny").eval()
    model.load_state_dict(torch.load(fixtures / "models/torchcrepe-tiny.pth"))
    audio = torch.from_numpy(signal())
    padded = torch.nn.functional.pad(audio, (512, 512))
    frames = padded.unfold(0, 1024, 160)
    frames = frames - frames.mean(1, keepdim=True)
    frames = frames / torch.clamp(frames.std(1, keepdim=True), min=1e-10)
    with torch.no_grad():
        x = model.embed(frames)
        x = model.layer(x, model.conv6, model.conv6_BN)
        x = x.permute(0, 2, 1, 3).reshape(-1, model.in_features)
    return some(statistics(x))


def silero(fixtures):
    from safetensors.torch import load_file

    w = load_file(fixtures / "models/silero_vad_16k.safetensors")
    audio = torch.from_numpy(signal())
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({k.split(".")[1]: v for k, v in w.items() if k.startswith("lstm_cell")})
    state, states = None, []
    conv = torch.nn.functional.conv1d
    with torch.no_grad():
        for frame in audio.unfold(0, 576, 512):
            x = torch.nn.functional.pad(frame[None, None], (0, 64), mode="reflect")
            x = conv(x, w["stft_conv.weight"], stride=128)
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
                x = conv(x, w[name + ".weight"], w[name + ".bias"], stride, 1).relu()
            state = cell(x[:, :, 0], state)
            states.append(state[0][0])
    return some(statistics(torch.stack(states)))


SENTENCES = [
    "The cat sat on the mat.",
    "A feline was resting on a rug.",
    "Stock markets fell sharply on Monday.",
    "How do I reset my password?",
    "I forgot my login credentials, what now?",
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "",
    "Hi",
    "supercalifragilisticexpialidocious",
    "Numbers: 1, 2, 3.14159, 1e-5 and 1,000,000.",
    "Is this spam? WIN $$$ NOW!!! Click http://example.com",
    "The meeting is at eight; please don't be late.",
    "naïve café résumé coöperate",
    "日本語の文章もあります。",
    "emoji 🙂 are tokens too 🚀",
    "tabs\tand\nnewlines  and   spaces",
    "What transfers from one task to another is what both have in common.",
    "She said: \"It's fine,\" and left.",
    "x = [i ** 2 for i in range(10)]",
    "word " * 300,
]


def minilm(folder):
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel
    from safetensors.torch import load_file

    config = BertConfig(**{k: v for k, v in json.loads((folder / "config.json").read_text()).items()
                           if k != "architectures"})
    model = BertModel(config).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    found = []
    for sentence in SENTENCES:
        ids = torch.tensor([tokenizer.encode(sentence).ids])
        with torch.no_grad():
            x = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        x = torch.nn.functional.normalize(x.mean(1), dim=1)[0]
        found.append({"text": sentence, "tokens": ids.shape[1], "feature": [round(float(v), 6) for v in x]})
    return found


if __name__ == "__main__":
    fixtures, folder = Path(sys.argv[1]), Path(sys.argv[2])
    json.dump({"crepe": crepe(fixtures), "silero": silero(fixtures), "minilm": minilm(folder)}, sys.stdout)
    print()
