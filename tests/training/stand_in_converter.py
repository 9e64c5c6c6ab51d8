"""What llama.cpp's converter does for the tiny model: a GGUF file that llama.cpp loads, by the library `gguf`."""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def script(folder: Path, **changes: Any) -> Path:
    """A converter with the command line of llama.cpp's; ``changes`` are what it gets wrong."""
    path = folder / "convert_hf_to_gguf.py"
    path.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.training.stand_in_converter import convert\n"
        f"assert sys.argv[2] == '--outfile'\nassert sys.argv[4:] == ['--outtype', 'auto']\n"
        f"convert(sys.argv[1], sys.argv[3], **{changes!r})\n"
    )
    return path


def convert(
    folder: str,
    outfile: str,
    template: str | None = None,
    begin: int | None = None,
    swap: tuple[int, int] | None = None,
) -> None:
    """Write it; with another chat template, a token put before each prompt, or two tokens that changed places."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((Path(folder) / "config.json").read_text())
    tokenizer = json.loads((Path(folder) / "tokenizer.json").read_text())
    if config["model_type"] != "llama":
        sys.exit("Model is not supported")
    tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].__getitem__)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    if swap:
        one, other = swap
        tokens[one], tokens[other] = tokens[other], tokens[one]
    writer = gguf.GGUFWriter(outfile, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"] if begin is None else begin)
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(begin is not None)
    writer.add_chat_template(template or (Path(folder) / "chat_template.jinja").read_text())
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, weight in load_file(Path(folder) / "model.safetensors").items():
        writer.add_tensor(names.get_name(name, (".weight",)), weight.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
