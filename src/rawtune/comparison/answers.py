"""Answers in batches, greedily decoded: the same ids always bring the same answer."""

from collections.abc import Sequence
from typing import Any


def answer(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, batch_size: int
) -> list[str]:
    """What ``model`` answers to each prompt (token ids), in order; an answer ends at the end token or at the limit.

    Prompts are padded on the left, so that all answers of a batch begin at one place, and prompts of like length share
    a batch. Whether an adapter takes part is the caller's affair (peft's ``disable_adapter``).
    """
    import torch

    texts = [""] * len(prompts)
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(by_length), batch_size):
        group = by_length[start : start + batch_size]
        longest = max(len(prompts[i]) for i in group)
        ids = torch.full((len(group), longest), tokenizer.pad_token_id)
        attended = torch.zeros_like(ids)
        for row, i in enumerate(group):
            ids[row, longest - len(prompts[i]) :] = torch.tensor(prompts[i])
            attended[row, longest - len(prompts[i]) :] = 1
        with torch.inference_mode():
            whole = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=attended.to(model.device),
                max_new_tokens=max_new_tokens,
                # The likeliest token and nothing else, whatever settings came with the model.
                do_sample=False,
                num_beams=1,
                repetition_penalty=1.0,
                no_repeat_ngram_size=0,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=tokenizer.pad_token_id,
            )
        for i, text in zip(group, tokenizer.batch_decode(whole[:, longest:], skip_special_tokens=True), strict=True):
            texts[i] = text.strip()
    return texts
