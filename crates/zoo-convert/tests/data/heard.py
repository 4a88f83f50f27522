"""Writes heard.json: what transformers makes of a recording with small networks of speech.

No weights are stored: both sides make them from the names in the file, as those of
renamed_checkpoints.py. Needs numpy, torch, transformers, safetensors.

    python heard.py heard.json
"""

import json
import pathlib
import re
import sys
import tempfile

import numpy
import safetensors.torch
import torch
import transformers
from renamed_checkpoints import fill, folded

LETTERS = "<pad> <s> </s> <unk> | E T A O N I H S R D L U M W C F G Y P B V K ' X J Q Z".split()
SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 96,
    "conv_dim": [16] * 7,
}
NETWORKS = {
    "wav2vec2-letters": (
        transformers.Wav2Vec2ForCTC,
        transformers.Wav2Vec2Config(**SMALL, vocab_size=len(LETTERS)),
    ),
    "wav2vec2-large": (
        transformers.Wav2Vec2Model,
        transformers.Wav2Vec2Config(
            **SMALL,
            feat_extract_norm="layer",
            conv_bias=True,
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=15,
        ),
    ),
    "hubert": (transformers.HubertModel, transformers.HubertConfig(**SMALL)),
}
WHISPER = transformers.WhisperConfig(
    d_model=64,
    encoder_layers=2,
    encoder_attention_heads=1,
    encoder_ffn_dim=96,
    decoder_layers=1,
    decoder_attention_heads=1,
    decoder_ffn_dim=64,
    max_source_positions=50,
    vocab_size=100,
    pad_token_id=0,
    bos_token_id=0,
    eos_token_id=0,
    decoder_start_token_id=0,
)
# From transformers' names to OpenAI's, of encoders.
OPENAI = [
    (r"layers\.(\d+)", r"blocks.\1"),
    ("self_attn_layer_norm", "attn_ln"),
    (r"self_attn\.q_proj", "attn.query"),
    (r"self_attn\.k_proj", "attn.key"),
    (r"self_attn\.v_proj", "attn.value"),
    (r"self_attn\.out_proj", "attn.out"),
    ("fc1", "mlp.0"),
    ("fc2", "mlp.2"),
    ("final_layer_norm", "mlp_ln"),
    (r"encoder\.layer_norm", "encoder.ln_post"),
    (r"embed_positions\.weight", "positional_embedding"),
]


def signal():
    """The recording of ../reference/generate.py."""
    t = numpy.arange(8000) / 16000
    phase = 2 * numpy.pi * (150 * t + 100 * t * t)
    return (0.4 * numpy.sin(phase) + 0.2 * numpy.sin(3.1 * phase + 0.5)).astype(numpy.float32)


def rounded(values):
    return [float(f"{value:.7g}") for value in values]


def statistics(values):
    mean = values.mean(0)
    return rounded(torch.cat([mean, ((values - mean) ** 2).mean(0).sqrt()]).tolist())


def loaded(kind, config):
    """A network with values by the rule, its configuration as it is published, and its shapes."""
    with tempfile.TemporaryDirectory() as folder:
        kind(config).save_pretrained(folder)
        file = pathlib.Path(folder) / "model.safetensors"
        state, shapes = fill(safetensors.torch.load_file(file))
        safetensors.torch.save_file(state, file, metadata={"format": "pt"})
        published = json.loads((pathlib.Path(folder) / "config.json").read_text())
        return kind.from_pretrained(folder).double().eval(), published, shapes


def written(logits):
    """The transcript, and how far the likeliest letters are from the next ones."""
    vocabulary = {letter: number for number, letter in enumerate(LETTERS)}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "vocab.json"
        file.write_text(json.dumps(vocabulary))
        tokenizer = transformers.Wav2Vec2CTCTokenizer(str(file))
        text = tokenizer.decode(logits.argmax(-1), skip_special_tokens=False)
    best = logits.topk(2, dim=-1).values
    special = "|".join(re.escape(letter) for letter in LETTERS[1:4])
    return " ".join(re.sub(special, "", text).split()), float((best[:, 0] - best[:, 1]).min())


def main(out):
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    waveform = extractor(signal(), sampling_rate=16000, return_tensors="pt")["input_values"]
    document = {"letters": LETTERS}
    with torch.inference_mode():
        for name, (kind, config) in NETWORKS.items():
            model, published, shapes = loaded(kind, config)
            trunk = model.wav2vec2 if hasattr(model, "wav2vec2") else model
            found = {
                "config": published,
                "feature": statistics(trunk(waveform.double()).last_hidden_state[0]),
                "parameters": folded(shapes),
            }
            if hasattr(model, "lm_head"):
                logits = model(waveform.double()).logits[0]
                found["scores"] = rounded(logits[3].tolist())
                found["transcript"], margin = written(logits)
                print(found["transcript"], margin)
            document[name] = found
        extractor = transformers.WhisperFeatureExtractor(chunk_length=1)
        mel = extractor(signal(), sampling_rate=16000, return_tensors="pt")["input_features"]
        model, published, shapes = loaded(transformers.WhisperForConditionalGeneration, WHISPER)
        document["whisper"] = {
            "config": published,
            "feature": statistics(model.model.encoder(mel.double()).last_hidden_state[0]),
            "parameters": folded(shapes),
        }
        encoder, state = model.model.encoder, {}
        for name, tensor in encoder.state_dict().items():
            name = "encoder." + name
            for pattern, replacement in OPENAI:
                name = re.sub(pattern, replacement, name)
            state["model_state_dict." + name] = tensor
        state, shapes = fill(state)
        encoder.load_state_dict(dict(zip(encoder.state_dict(), state.values(), strict=True)))
        document["whisper-openai"] = {
            "feature": statistics(encoder(mel.double()).last_hidden_state[0]),
            "parameters": folded(shapes),
        }
    pathlib.Path(out).write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
