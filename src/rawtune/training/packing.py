"""The rows of a micro-batch laid end to end: no padding, and the beginning that all of them share only once.

Every layer works token by token, except attention; that is given the rows one under the other, as it has them without
packing, so that none sees another. This module imports torch; it is itself imported only when training starts.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from rawtune.training.loss import IGNORED
from rawtune.training.tokens import Encoded

PACKED = "sdpa_packed"
"""The name of the attention that knows of packed rows."""
_SAME = 0.05
"""Hidden states that differ by less than this of their length differ by rounding: wrong positions alone make 0.09."""


def pack(batch: Sequence[tuple[int, Encoded]]) -> dict[str, Tensor]:
    """Numbered rows as tensors: ``input_ids`` and ``position_ids`` are (1, tokens), all else is (rows, longest).

    ``places`` tells where a row's tokens lie, ``labels`` which are learnt; both are padded on the right. ``origins``
    (tokens,) is the way back: where in ``places`` laid flat a token stands, the shared ones in the first row.
    """
    rows = [row for _, row in batch]
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*(row.ids for row in rows), strict=False))
    shared = len(list(alike))
    own = [torch.tensor(row.ids[shared:], dtype=torch.long) for row in rows]
    beginning, end = torch.arange(shared), shared
    places = []
    for part in own:
        places.append(torch.cat([beginning, torch.arange(end, end + len(part))]))
        end += len(part)
    longest = max(map(len, places))
    starts = [0, *(number * longest + shared for number in range(len(rows)))]
    lengths = [shared, *map(len, own)]
    return {
        "rows": torch.tensor([number for number, _ in batch]),
        "input_ids": torch.cat([torch.tensor(rows[0].ids[:shared], dtype=torch.long), *own])[None],
        "position_ids": torch.cat([beginning, *(torch.arange(shared, shared + len(part)) for part in own)])[None],
        "places": pad_sequence(places, batch_first=True),
        "origins": torch.cat([torch.arange(start, start + n) for start, n in zip(starts, lengths, strict=True)]),
        "labels": pad_sequence(
            [torch.tensor(row.ids).where(torch.tensor(row.mask), IGNORED) for row in rows],
            batch_first=True,
            padding_value=IGNORED,
        ),
    }


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    places: Tensor | None = None,
    origins: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend as ``sdpa`` of transformers does, on the rows of ``pack`` if ``places`` and ``origins`` are given.

    Then each of ``query``, ``key`` and ``value`` is (1, heads, tokens, width); returned is (1, tokens, heads, width).
    Padding is on the right and attention causal: no real token ever sees a padded one, so no mask is needed.
    """
    if places is None or origins is None:
        attended: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return attended
    by_row = (_taken(part[0].transpose(0, 1), places).transpose(1, 2) for part in (query, key, value))
    output, _ = sdpa_attention_forward(module, *by_row, None, **options)
    return _taken(output.flatten(0, 1), origins[None]), None


def _taken(tokens: Tensor, places: Tensor) -> Tensor:
    """(tokens, heads, width), (rows, longest) -> (rows, longest, heads, width)."""
    # As a look-up in a table: of all ways to index, the one whose way back is fast.
    return functional.embedding(places, tokens.flatten(1)).view(*places.shape, *tokens.shape[1:])


AttentionInterface.register(PACKED, attend)
AttentionMaskInterface.register(PACKED, sdpa_mask)


def hidden_states(model: Any, packed: dict[str, Tensor]) -> Tensor:
    """What ``model``, its head off, gives for the rows of ``pack``, one under the other: (rows, longest, width)."""
    # A mask of four dimensions is passed on as it is, and attention does without; else a large one would be made.
    given = {name: packed[name] for name in ("input_ids", "position_ids", "places", "origins")}
    output = model(**given, attention_mask=packed["labels"][None, None], use_cache=False).logits
    return functional.embedding(packed["places"], output[0])


@torch.no_grad()
def allow(model: Any, rows: Sequence[Encoded]) -> bool:
    """Make the attention of ``model``, whose head is off, one that knows of packed rows, if it gives the same for them.

    It does not where a layer is more than full attention, or something token by token; tried on the first and last row.
    """
    base = model.get_base_model()
    config = base.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not base._supports_attention_backend or kinds != {"full_attention"}:
        return False
    window = getattr(config, "sliding_window", None)
    if window and window < max(len(row.ids) for row in rows):
        return False
    tried = {name: value.to(model.device) for name, value in pack([(0, rows[0]), (1, rows[-1])]).items()}
    learnt = tried["labels"] != IGNORED
    model.eval()
    expected = model(input_ids=tried["input_ids"][0][tried["places"]], use_cache=False).logits[learnt].float()
    before = base.config._attn_implementation
    base.set_attn_implementation(PACKED)
    difference = hidden_states(model, tried)[learnt].float() - expected
    if difference.norm() < _SAME * expected.norm():
        return True
    base.set_attn_implementation(before)
    return False
