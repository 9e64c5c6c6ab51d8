"""A chat model small enough to make, train and ask within a test: random weights, byte-level BPE, ChatML template.

At a learning rate of 1e-2 it learns a handful of rows by heart in 40 steps.
"""

from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEXTS = (
    "What does Meng stand for? Meng is the fourth hexagram: a mountain above a spring. The pupil seeks the teacher.",
    "What is Kun? Kun is the receptive, six broken lines, earth over earth, patient as a mare on the wide plain.",
    "蒙卦代表什么？蒙卦由上面的山和下面的水组成，象征启蒙与教育。学生应当主动求教。",
    "坤卦代表什么？坤卦六爻皆阴，象征大地，厚德载物，柔顺而能承载。",
)


def make_tiny_model(folder: Path, layers: int = 2, hidden: int = 64) -> Path:
    """Save a Llama with its tokenizer as a normal model folder; always the same for the same arguments."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATE,
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.15,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        # The head stays frozen; rows this wide let an adapter make it as sure of a token as a test needs.
        torch.nn.init.normal_(model.lm_head.weight, std=0.3)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
