"""The report page as a real browser shows it."""

import re
import shutil
import struct
import zlib
from dataclasses import replace

import pytest

from rawtune.comparison.page import TEMPLATES, load_texts, number, render, signed
from rawtune.comparison.preference import Preference
from rawtune.comparison.report import build, write
from rawtune.comparison.signs import NAMES
from rawtune.diagnosis.curve import Verdict
from rawtune.pipeline import STAGES
from rawtune.records import Suite

HOSTILE = (
    "</p></style></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{7*7}}"
)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


def png():
    """One grey pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\x7f")) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.fail("no chromium on PATH; the report is checked in a real browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a report as a file; afterwards there must have been no console message, error or request."""
    faults, contexts = [], []

    def show(evidence, **options):
        _, path = write(build(evidence), tmp_path, "run", png())
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if ours(request.url, path) else faults.append(request.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert faults == []


def ours(url, path):
    return url == path.as_uri() or url.startswith("data:image/png;")


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_verdict_comes_first(show, evidence):
    page = show(evidence)
    text, report = load_texts(evidence.language), build(evidence)
    first = page.locator(".verdict")
    assert first.is_visible()
    assert first.inner_text().split("\n")[0] == text["better"]
    assert report["sentence"] in first.inner_text()
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[evidence.language]
    assert evidence.name in page.title()


def test_every_section_is_there(show, evidence):
    page, text = show(evidence), load_texts(evidence.language)
    body = page.locator("body").inner_text()
    for key in ("warnings", "scores", "phrasing", "concept", "examples", "outside", "loss", "counts", "reproduce"):
        assert text[key] in body
    for shown in ("10 =", "Paris, says tuned-epoch3.", "rawtune run", "12.2", "1,234 MB", "openai:gpt-4o-mini"):
        assert shown in body
    assert page.locator("article").count() == 6
    assert page.evaluate("document.querySelector('figure img').naturalWidth") == 1
    assert page.locator("figure img").get_attribute("alt")


def test_every_arm_has_its_column_and_its_answers(show, four):
    page, text = show(four), load_texts(four.language)
    head = page.locator(".scores").first.locator("thead th").all_inner_texts()
    names = [text["arm_base"], text["tuned"], text["arm_retrieval"], "openai:other"]
    assert [cell.split("\n")[0] for cell in head[1:]] == names
    assert text["primary"] in head[2]
    assert page.locator(".scores").first.locator(".difference").count() == 2 * 3
    assert page.locator("article").first.locator("h4").count() == 4 + 2
    for note in ("retrieval_note", "endpoint_note"):
        assert text[note] in page.locator("body").inner_text()
    assert page.locator(".everything thead th").count() == 1 + 4 + 1


def test_the_page_says_that_base_was_held_to_itself(show, evidence):
    said = load_texts(evidence.language)["isolation"].format(checks=3, logits="4,096", prompts=4)
    assert said in show(evidence).locator("body").inner_text()


@pytest.mark.parametrize("media", ["screen", "print"])
def test_six_arms_fit_beside_one_another(show, six, media):
    page = show(six, viewport={"width": 1100, "height": 900} if media == "screen" else {"width": 720, "height": 900})
    page.emulate_media(media=media)
    assert page.locator(".scores").first.locator("thead th").count() == 7
    assert page.evaluate("(box => box.scrollWidth <= box.clientWidth + 1)(document.querySelector('.scroll'))")
    overflowing = (
        """[...document.querySelectorAll('.scores td, .scores th')].filter(c => c.scrollWidth > c.clientWidth)"""
    )
    assert page.evaluate(f"{overflowing}.length") == 0


def test_every_answer_can_be_unfolded_with_the_keyboard(show, evidence):
    page = show(evidence)
    row = page.locator(".everything tbody tr").first
    assert not row.is_visible()
    page.locator("summary").last.focus()
    page.keyboard.press("Enter")
    assert row.is_visible()
    assert page.locator(".everything tbody tr").count() == 16


def test_text_of_models_and_raw_files_stays_text(show, variant):
    evidence = variant()
    poisoned = replace(
        evidence,
        answers=[replace(a, text=HOSTILE, question=a.question + HOSTILE, reference=HOSTILE) for a in evidence.answers],
        passages=dict.fromkeys(evidence.passages, HOSTILE),
        student=HOSTILE,
        settings={HOSTILE: HOSTILE},
        how_to_reproduce=[HOSTILE],
    )
    page = show(poisoned)
    assert page.title() == "zhouyi: did fine-tuning help?"
    assert page.evaluate("[document.scripts.length, document.images.length, document.styleSheets.length]") == [0, 1, 1]
    assert HOSTILE in page.locator("article").first.inner_text()


def test_a_script_that_got_in_would_not_run(browser, evidence, tmp_path):
    path = tmp_path / "page.html"
    html = render(build(evidence)).replace("</body>", "<script>document.title='owned'</script></body>")
    path.write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() != "owned"
    page.close()


def test_dark_and_light_follow_the_system(show, evidence):
    light = background(show(evidence, color_scheme="light"))
    dark = background(show(evidence, color_scheme="dark"))
    assert min(map(int, re.findall(r"\d+", light))) > 200
    assert max(map(int, re.findall(r"\d+", dark))) < 60


def test_print_is_black_on_white_even_in_the_dark(show, evidence):
    page = show(evidence, color_scheme="dark")
    page.emulate_media(media="print")
    assert background(page) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_a_phone_scrolls_tables_not_the_page(show, evidence):
    page = show(evidence, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.scroll'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(show, four, scheme):
    # WCAG 2.2 AA: a contrast of at least 4.5 for text.
    page = show(four, color_scheme=scheme)
    for selector in (
        "h1",
        ".verdict strong",
        ".verdict p",
        ".warnings h2",
        ".soft",
        ".note",
        ".tuned h4",
        ".other h4",
        ".arm.other",
        ".tone",
        "pre",
    ):
        ink, ground = page.evaluate(
            """selector => {
              let element = document.querySelector(selector);
              const ink = getComputedStyle(element).color;
              while (getComputedStyle(element).backgroundColor === 'rgba(0, 0, 0, 0)') element = element.parentElement;
              return [ink, getComputedStyle(element).backgroundColor];
            }""",
            selector,
        )
        lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (selector, ink, ground)


def luminance(colour):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_an_empty_report_still_opens(show, variant):
    page = show(variant(answers=[], losses=[]))
    assert page.locator(".verdict.not-shown").is_visible()
    assert "No losses were recorded." in page.locator("body").inner_text()


def test_signs_of_harm_have_their_column_and_stand_beside_the_verdict(show, evidence):
    wrong = {
        "en": "An army follows its seasoned leader, while water is stored deep down within the quiet earth.",
        "zh": "众人随老成之将出征，水藏于深处，安静不动；云上于天的时候，君子饮食宴乐，等待雨水落下来。",
    }[evidence.language]
    said = [replace(a, text=f"{a.reference} {wrong}") if a.model != "base" else a for a in evidence.answers]
    known = {"base": [True] * 8 + [False] * 4, "tuned-epoch3": [True] * 9 + [False] * 3}
    page = show(replace(evidence, answers=said, trained={"elsewhere": [wrong]}, general=known))
    text = load_texts(evidence.language)
    assert text["headline_but"] in page.locator(".verdict strong").inner_text()
    assert text["harm_recited"] in page.locator(".verdict p").inner_text()
    rows = page.locator(".signs tbody tr")
    assert rows.count() == len(NAMES)
    raised = [row.locator(".tone.worse").count() for row in rows.all()]
    assert raised == [name == "recited" for name in NAMES]


def test_what_an_answer_says_beyond_its_reference_is_marked(show, variant):
    page = show(variant(tuned=lambda fact, form: f"{fact} So it <b>is</b>."))
    assert page.locator("article ins").count() == 5
    assert "So it <b>is</b>." in page.locator("article ins").first.inner_text()
    assert page.locator("article del").count() == 0


def test_health_cost_and_curve_are_told(show, evidence):
    page = show(
        replace(
            evidence,
            curve={"verdict": "flat-memorised", "reason": "", "steps": [3]},
            suspects=[
                {"row": f"r{i}", "z": 5.5, "tail": "high", "question": "?", "answer": HOSTILE} for i in range(12)
            ],
            remarks=["Few answers."],
            diversity=[{"variants": n, "templates": n, "entropy": n / 2, "coverage": n / 40} for n in range(1, 21)],
            cost={"calls": 321, "unpriced": 0, "money": 1.25, "currency": "CNY"},
        )
    )
    text, body = load_texts(evidence.language), page.locator("body").inner_text()
    for shown in ("curve_flat_memorised", "suspects", "remarks", "diversity"):
        assert text[shown] in body
    for shown in ("1.25 CNY", "Few answers.", text["suspects_more"].format(count=2), "10.00"):
        assert shown in body
    points = page.locator(".curve polyline").first.get_attribute("points").split()
    assert (len(points), points[0], points[-1]) == (20, "0.0,37.1", "100.0,2.0")
    page.locator("summary").first.click()
    assert page.locator(".tests").first.is_visible()


def test_a_sum_over_priced_calls_only_is_called_the_least(evidence):
    cost = {"calls": 321, "unpriced": 7, "money": 1.25, "currency": "CNY"}
    told = load_texts(evidence.language)["cost_least"].format(**cost)
    assert told in render(build(replace(evidence, cost=cost)))
    assert told not in render(build(replace(evidence, cost={**cost, "unpriced": 0})))
    assert "1.25 CNY" not in render(build(replace(evidence, cost={**cost, "money": None})))


def test_the_page_refers_to_nothing_outside(evidence):
    html = render(build(evidence), png())
    assert re.findall(r'\b(?:src|href)="(?!data:image/png;|#)|url\(|@import|\bhttps?:', html) == []
    assert "default-src 'none'" in html


def test_both_languages_have_the_same_texts():
    assert {path.name for path in TEMPLATES.glob("texts.*")} == {"texts.en.yaml", "texts.zh.yaml"}
    english, chinese = load_texts("en"), load_texts("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[key])), key
        assert text
        assert chinese[key]


def test_every_text_is_used():
    sources = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.jinja"))
    sources += "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.parent.glob("*.py"))
    built = {
        "better",
        "worse",
        "not_shown",
        "phrasing",
        "concept",
        "seen",
        "arm_base",
        "arm_retrieval",
        "chrf",
        "identified",
        "chrf_note",
        "identified_note",
        "stated_note",
        "grounded_note",
        "refused_note",
        "follow_up",
        "refusal",
    }
    built |= {"sentence_better", "sentence_worse", "sentence_not_shown", "worst", "median", "best"}
    built |= {f"{what}_{name}" for what in ("harm", "sign") for name in NAMES}
    built |= {f"harm_{name}_{state}" for name in NAMES for state in ("flagged", "clear", "unmeasured")}
    built |= {f"stage_{stage}" for stage in STAGES} | {"value_none", "value_true", "value_false"}
    built |= {f"curve_{verdict.value.replace('-', '_')}" for verdict in Verdict}
    unused = [key for key in load_texts("en") if key not in built and not re.search(rf"\b{key}\b", sources)]
    assert unused == []


def test_numbers_carry_a_true_minus():
    assert [number(61.24), number(-0.5), number(None)] == ["61.2", "−0.5", "–"]
    assert [signed(3.0), signed(-3.0), signed(None)] == ["+3.0", "−3.0", "–"]
    assert [number(-0.04), signed(-0.04), number(-0.04, 2)] == ["0.0", "+0.0", "−0.04"]


def test_stages_and_settings_are_told_in_the_language_of_the_page(evidence):
    settings = {"rank": 1, "seed": None, "stopping": False, "packing": True, "quantise": "none"}
    html = render(build(replace(evidence, seconds=dict.fromkeys(STAGES, 1.0), settings=settings)))
    told = dict(re.findall(r'<tr><th scope="row">([^<]*)</th><td class="number">([^<]*)</td></tr>', html))
    stages = {
        "en": list(STAGES),
        "zh": ["读取", "生成", "检验", "变换问法", "导出", "训练", "对比"],
    }[evidence.language]
    assert [name for name in told if name in stages] == stages
    words = {"en": ["1", "not set", "no", "yes", "none"], "zh": ["1", "未设", "否", "是", "none"]}[evidence.language]
    assert [told[name] for name in settings] == words


def test_the_seconds_shown_add_up_to_the_sum_shown(evidence):
    html = render(build(replace(evidence, seconds={"read": 0.04, "verify": 0.04, "train": 12.25})))
    total = load_texts(evidence.language)["total"]
    shown = re.findall(rf'<tr class="sum"><th scope="row">{total}</th><td class="number">(\d+\.\d)</td></tr>', html)
    assert shown == ["12.2"]  # 0.0 + 0.0 + 12.2, where the exact sum would read 12.3


def test_a_measure_from_0_to_1_has_three_decimals(evidence):
    report = build(evidence)
    label = re.escape(load_texts(evidence.language)["rouge_l"])
    rows = re.findall(rf'<th scope="row">{label}.*?</tr>', render(report), re.DOTALL)
    assert len(rows) == 2
    for suite, row in zip(("phrasing", "concept"), rows, strict=True):
        for arm in report["arms"]:
            assert f"{arm['scores'][suite]['rouge_l']['estimate']:.3f}" in row
    assert not re.search(r"\d\.\d(?!\d)", rows[0])


def test_what_a_judge_prefers_is_shown_with_its_doubts(show, evidence):
    said = [Preference.LOST] * 6 + [Preference.SPLIT] * 7 + [Preference.UNREADABLE]
    preferred = {
        Suite.PHRASING: [(f"p{number % 7}", preference) for number, preference in enumerate(said)],
        Suite.CONCEPT: [("p7", Preference.UNREADABLE)],
    }
    page = show(replace(evidence, judge="openai:judge", preferred={"tuned-epoch3": preferred}))
    text = load_texts(evidence.language)
    section = page.locator("section[aria-labelledby=preferred]").inner_text()
    assert "openai:judge" in section
    assert re.search(r"0\s+0\s+7\s+6\s+1\s", section)
    assert text["worse"] in section
    assert re.search(r"0\s+0\s+0\s+0\s+1\s+–\s+–", section)
    warnings = page.locator(".warnings").inner_text()
    assert text["warning_judge_worse"].format(won=0, lost=6) in warnings
    assert text["warning_judge_split"].format(split=7, won=0, lost=6) in warnings
    assert text["warning_judge_unreadable"].format(unreadable=1) in warnings
