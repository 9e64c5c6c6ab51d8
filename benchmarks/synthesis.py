"""Speed and memory of synthesis against what the endpoint allows, and against a loop that does nothing but call it.

    python benchmarks/synthesis.py [--passages 2000 20000] [--concurrency 256] [--latency 0.2] [--runs 3] [--langchain]

Every run is one whole process, from start to the last row in a file; printed is the median of the runs. "ideal" is
passages x latency / concurrency. The client has one core and the endpoint another, where there are two. With
``--langchain`` the LangChain teacher is set against LangChain's own ``abatch`` instead.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from endpoint import passage  # noqa: E402

BARE = """
import asyncio, json, sys, aiohttp
passages, output, url, concurrency = sys.argv[1:]
async def main():
    lines = iter(open(passages, encoding="utf-8"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        with open(output, "w", encoding="utf-8") as rows:
            async def work():
                for line in lines:
                    given = json.loads(line)
                    messages = [{"role": "system", "content": "JSON"}, {"role": "user", "content": given["passage"]}]
                    async with session.post(url + "/chat/completions", json={"messages": messages}) as reply:
                        said = json.loads((await reply.json())["choices"][0]["message"]["content"])
                    rows.write(json.dumps({"id": given["id"], **said}, ensure_ascii=False) + chr(10))
            await asyncio.gather(*(work() for _ in range(int(concurrency))))
asyncio.run(main())
"""
ABATCH = """
import asyncio, json, sys
from langchain.chat_models import init_chat_model
passages, output, url, concurrency = sys.argv[1:]
chat = init_chat_model("gpt-4o-mini", model_provider="openai", base_url=url, api_key="x", max_retries=0)
given = [json.loads(line) for line in open(passages, encoding="utf-8")]
batch = [[("system", "JSON"), ("user", row["passage"])] for row in given]
replies = asyncio.run(chat.abatch(batch, {"max_concurrency": int(concurrency)}))
with open(output, "w", encoding="utf-8") as rows:
    for row, reply in zip(given, replies, strict=True):
        rows.write(json.dumps({"id": row["id"], **json.loads(reply.text)}, ensure_ascii=False) + chr(10))
"""


def on_core(number: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def run(command: list[str], expected: int, output: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak memory (MB) of one process; every row must be there."""
    output.unlink(missing_ok=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OPENAI_API_KEY": "x"},
        preexec_fn=lambda: on_core(0),
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    rows = sum("summary" in json.loads(line) for line in output.open(encoding="utf-8"))
    if status or rows != expected:
        raise SystemExit(f"{command}: exit {status}, {rows} of {expected} rows")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--langchain", action="store_true")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    endpoint = subprocess.Popen(
        [sys.executable, str(HERE / "endpoint.py"), str(port), str(options.latency)],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: on_core(1),
    )
    assert endpoint.stdout
    endpoint.stdout.readline()
    try:
        print(f"{'passages':>8} {'':<10} {'seconds':>8} {'x ideal':>8} {'CPU s':>6} {'MB':>5} {'rows/s':>7}")
        for count in options.passages:
            compare(count, url, options)
    finally:
        endpoint.terminate()
        endpoint.wait()


def compare(count: int, url: str, options: argparse.Namespace) -> None:
    ideal = count * options.latency / options.concurrency
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        with given.open("w", encoding="utf-8") as lines:
            for number in range(count):
                lines.write(json.dumps({"id": number, "passage": passage(number)}, ensure_ascii=False) + "\n")
        plain = ABATCH if options.langchain else BARE
        walls = {}
        for name in ("abatch" if options.langchain else "bare loop", "rawtune"):
            figures = []
            for number in range(options.runs):
                if name == "rawtune":
                    command = [sys.executable, str(HERE / "synth_driver.py"), "--input", str(given)]
                    command += ["--output", str(output), "--workdir", f"{folder}/{number}", "--base-url", url]
                    command += ["--concurrency", str(options.concurrency)]
                    command += ["--variant", "langchain"] if options.langchain else []
                else:
                    command = [sys.executable, "-c", plain, str(given), str(output), url, str(options.concurrency)]
                figures.append(run(command, count, output))
            wall, cpu, memory = (statistics.median(values) for values in zip(*figures, strict=True))
            walls[name] = wall
            shown = f"{wall:>8.2f} {wall / ideal:>8.2f} {cpu:>6.1f} {memory:>5.0f} {count / wall:>7.0f}"
            print(f"{count:>8} {name:<10} {shown}")
        first, second = walls.values()
        print(f"{count:>8} {'ratio':<10} {second / first:>8.2f}")


if __name__ == "__main__":
    main()
