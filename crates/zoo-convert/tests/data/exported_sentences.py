"""Writes exported/: small encoders of texts as PyTorch exports them to ONNX, and what transformers
makes of the sentences of sentences.py with them.

Weights are random, and few enough to be kept. Each is exported by the exporter of torch.export (opset
18), one by the older one that traces (opset 14) as well. Needs numpy, torch, transformers,
tokenizers, safetensors, onnx, onnxscript.

    python exported_sentences.py exported
"""

import json
import pathlib
import sys

import onnx
import torch
import transformers
from sentences import WORDS, features, tokenizer

LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 2}
SIZES = {**LAYERS, "vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 24}
ENCODERS = {
    "bert": transformers.BertConfig(**SIZES, max_position_embeddings=24),
    "distilbert": transformers.DistilBertConfig(
        n_layers=2, n_heads=2, dim=16, hidden_dim=24, vocab_size=len(WORDS), max_position_embeddings=24
    ),
    "roberta": transformers.RobertaConfig(
        **SIZES, max_position_embeddings=26, type_vocab_size=1, pad_token_id=0
    ),
    "mpnet": transformers.MPNetConfig(**SIZES, max_position_embeddings=26, pad_token_id=0),
    "electra": transformers.ElectraConfig(**SIZES, embedding_size=8, max_position_embeddings=24),
    "albert": transformers.AlbertConfig(**SIZES, embedding_size=8, max_position_embeddings=24),
}
# Of the exporter that traces, one is kept: its graphs are twice as large.
TRACED = ["bert"]


class Words(torch.nn.Module):
    """The last hidden state of a model, by its inputs one after the other."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).last_hidden_state


def export(model, names, path, traced):
    """Exports with open batch and length."""
    ids = torch.randint(5, len(WORDS), (2, 9))
    every = {"input_ids": ids, "attention_mask": ids * 0 + 1, "token_type_ids": ids * 0}
    inputs = tuple(every[name] for name in names)
    options = {"input_names": names, "output_names": ["last_hidden_state"]}
    if traced:
        axes = {0: "batch_size", 1: "sequence_length"}
        options |= {"dynamo": False, "opset_version": 14}
        options["dynamic_axes"] = {name: axes for name in [*names, "last_hidden_state"]}
    else:
        batch, length = torch.export.Dim("batch_size"), torch.export.Dim("sequence_length", max=24)
        options |= {"dynamo": True, "opset_version": 18, "external_data": False}
        options["dynamic_shapes"] = {"inputs": tuple({0: batch, 1: length} for _ in names)}
    torch.onnx.export(Words(model, names).eval(), inputs, path, **options)
    # Where in the source each node comes from is most of such a file.
    made = onnx.load(path)
    for part in [made, made.graph, *made.graph.node, *made.graph.value_info, *made.graph.initializer]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(made, path)


def main(out):
    out = pathlib.Path(out)
    out.mkdir(exist_ok=True)
    made = tokenizer()
    (out / "tokenizer.json").write_text(made.to_str())
    made.enable_truncation(24)
    found = {}
    for name, config in ENCODERS.items():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(config, attn_implementation="eager")
        # Weights of trained networks are not as small as those that these begin with.
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
        model = model.eval()
        names = ["input_ids", "attention_mask", "token_type_ids"]
        names = names[: 2 if name in ("distilbert", "roberta", "mpnet") else 3]
        export(model, names, str(out / f"{name}-exported.onnx"), traced=False)
        if name in TRACED:
            export(model, names, str(out / f"{name}-traced.onnx"), traced=True)
        with torch.inference_mode():
            found[name] = features(model, made)
    (out / "features.json").write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
