"""Writes sentences.json: what transformers makes of sentences with small BERT-type encoders.

No weights are stored: both sides make them from the names in the file, as those of
renamed_checkpoints.py. Features are means over tokens, scaled to length one. Needs numpy, torch,
transformers, tokenizers, safetensors.

    python sentences.py sentences.json
"""

import json
import pathlib
import sys

import torch
import transformers
from heard import loaded, rounded
from renamed_checkpoints import folded
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] the a cat dog sat on mat rain in spain fall ##s ##ing ##ed main ##ly plain , . ! ? "
    "c ##a ##t 1 2 ##0 ##9 é"
).split()
SENTENCES = [
    "The cat sat on the mat.",
    "The rain in Spain falls mainly in the plain!",
    "dog",
    "A dog, a cat, a dog?",
    "Unheard words sat in 2019, in 10 ÉS",
    "",
    "the " * 40,
]
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": len(WORDS)}
BERT = {**SIZES, "hidden_size": 64, "intermediate_size": 96, "max_position_embeddings": 24}
DISTILBERT = {"n_layers": 3, "n_heads": 4, "dim": 64, "hidden_dim": 96}
ENCODERS = {
    "bert": (transformers.BertModel, transformers.BertConfig(**BERT)),
    # A checkpoint of another task: names with a prefix, and a head that is left out.
    "bert-of-a-task": (transformers.BertForMaskedLM, transformers.BertConfig(**BERT)),
    "distilbert": (
        transformers.DistilBertForSequenceClassification,
        transformers.DistilBertConfig(
            **DISTILBERT, vocab_size=len(WORDS), max_position_embeddings=24, num_labels=3
        ),
    ),
}


def tokenizer():
    """WordPiece as BERT has it, with few words."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    return made


def features(trunk, tokens):
    """What a network makes of each sentence: the mean over tokens, scaled to length one."""
    found = []
    for sentence in SENTENCES:
        ids = torch.tensor([tokens.encode(sentence).ids])
        mean = trunk(ids).last_hidden_state[0].mean(0)
        found.append(rounded((mean / mean.norm()).tolist()))
    return found


def main(out):
    made = tokenizer()
    document = {"tokenizer": json.loads(made.to_str()), "sentences": SENTENCES}
    made.enable_truncation(24)
    with torch.inference_mode():
        for name, (kind, config) in ENCODERS.items():
            model, published, shapes = loaded(kind, config)
            trunk = getattr(model, "bert", getattr(model, "distilbert", model))
            document[name] = {
                "config": published,
                "features": features(trunk, made),
                "parameters": folded(shapes),
            }
    pathlib.Path(out).write_text(json.dumps(document, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
