"""The examples in Python, run as users run them, compared with plain ONNX Runtime or known truth."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
LONGEST_RUN_S = 600


def package(name):
    """A package that a reference needs. Nothing is skipped in CI."""
    try:
        return __import__(name, fromlist=["*"])
    except ImportError:
        give_up(f"the package {name} is not installed")


def give_up(reason):
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def models():
    folder = os.environ.get("ORTLET_TEST_MODELS")
    if not folder:
        give_up("ORTLET_TEST_MODELS is not set; run the tests by `cargo xtask test`")
    return Path(folder)


class Program:
    """An example, run in an empty folder with an empty cache."""

    def __init__(self, name, folder):
        self.main, self.folder = EXAMPLES / name / "main.py", folder
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONUTF8": "1"}
        self.environment.pop("ORTLET_CACHE", None)

    def __call__(self, *arguments, code=0):
        command = [sys.executable, "-B", "-W", "error", str(self.main), *map(str, arguments)]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LONGEST_RUN_S,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended

    def json(self, *arguments, code=0):
        return json.loads(self("--json", *arguments, code=code).stdout)


@pytest.fixture
def program(tmp_path, request):
    package("ortlet")
    return Program(request.param, tmp_path)


def of(name):
    return pytest.mark.parametrize("program", [name], indirect=True)


def plain_session(model):
    return package("onnxruntime").InferenceSession(str(model), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("program", ["filetype-python", "semantic-search", "ocr-line"], indirect=True)
def test_help_tells_every_option(program):
    text = program("--help").stdout
    assert "usage: main.py" in text and "--json" in text and "--model" in text
    assert "usage: main.py" in program(code=2).stderr


@pytest.mark.parametrize(
    "program, argument",
    [("filetype-python", "x.txt"), ("semantic-search", "x"), ("ocr-line", "x.png")],
    indirect=["program"],
)
def test_a_missing_model_is_named(program, argument):
    ended = program(argument, "--model", "no-such-model", code=1)
    assert ended.stderr.startswith("error: ") and "no-such-model" in ended.stderr


def project_files():
    found = []
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = sorted(set(folders) - {"target", "dist"} - {name for name in folders if name[0] == "."})
        found.extend(Path(folder, name) for name in sorted(names))
    assert len(found) > 100
    return found


def magika_reference(model, config, path):
    """The label and score of a file, or its label alone if the model has nothing to say."""
    import numpy as np

    data = path.read_bytes()
    head, tail = data[:4096], data[-4096:]
    try:
        head.decode()
        is_text = True
    except UnicodeDecodeError as error:
        is_text = error.reason == "unexpected end of data" and error.end == len(head)
    if not data:
        return "empty", None
    if len(head.strip()) < 8 and len(head.lstrip()) < 8:
        return "txt" if is_text else "unknown", None
    left, right = list(head.lstrip()[:1024]), list(tail.rstrip()[-1024:])
    numbers = left + [256] * (1024 - len(left)) + [256] * (1024 - len(right)) + right
    scores = model.run(None, {"bytes": np.array([numbers], np.int32)})[0][0]
    label = config["target_labels_space"][int(np.argmax(scores))]
    if scores.max() < np.float32(config["thresholds"].get(label, 0.5)):
        return "txt" if is_text else "unknown", float(scores.max())
    return config["overwrite_map"].get(label, label), float(scores.max())


@of("filetype-python")
def test_file_types_are_those_of_plain_onnx_runtime(program, models):
    folder = program.folder
    files = project_files()
    for name, data in [("empty", b""), ("short", " \u00e4bc\n".encode()), ("bytes", b"\xff\xfe\x00")]:
        (folder / name).write_bytes(data)
        files.append(folder / name)
    # A character that the end of the block that is read cuts in two.
    (folder / "cut").write_bytes(b"a" * 4095 + "\u00e4".encode() * 4000)
    files.append(folder / "cut")

    answer = program.json(*files)
    model = plain_session(models / "magika" / "model.onnx")
    config = json.loads((models / "magika" / "config.min.json").read_text())
    expected = [(str(path), *magika_reference(model, config, path)) for path in files]
    assert [(row["path"], row["label"], row["score"]) for row in answer["files"]] == expected
    labels = {Path(path).name: label for path, label, _ in expected}
    assert labels["README.md"] == "markdown" and labels["Cargo.toml"] == "toml" and labels["short"] == "txt"
    assert labels["empty"] == "empty" and labels["bytes"] == "unknown"
    run_count = sum(score is not None for _, _, score in expected)
    assert answer["runs"] == run_count and answer["late"] == 0
    latency = answer["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]


@of("filetype-python")
def test_files_that_cannot_be_read_do_not_stop_the_others(program, models):
    (program.folder / "folder").mkdir()
    ended = program("none", "folder", EXAMPLES / "filetype" / "main.rs", code=1)
    head, _, none, folder, rust, *_ = ended.stdout.splitlines()
    assert head.split() == ["path", "label", "score"]
    assert "No such file" in none and none.endswith(" -")
    assert folder.split() == ["folder", "directory", "-"]
    assert rust.split()[1:] == ["rust", "1.000"]
    assert "over 1 runs, 0 late" in ended.stdout and "p99" in ended.stdout


@of("filetype-python")
def test_compiled_models_give_the_same(program, models):
    files = sorted(EXAMPLES.glob("*/*.*"))
    answers = [program.json(*more, *files) for more in ([], ["--cache"], ["--cache"])]
    answers += [program.json("--artifact", "magika.ortlet", *files) for _ in range(2)]
    assert [answer["cache"] for answer in answers[:3]] == ["off", "stored", "hit"]
    assert [answer["origin"] for answer in answers] == ["model"] * 2 + ["artifact_device"] * 3
    assert all(answer["files"] == answers[0]["files"] for answer in answers)
    assert (program.folder / "magika.ortlet").stat().st_size > 3_000_000


@of("filetype-python")
def test_a_deadline_ends_runs(program, models):
    file = REPOSITORY / "README.md"
    answer = program.json("--deadline", "0.000001", file, file, code=1)
    assert [row["error"] for row in answer["files"]] == ["deadline exceeded"] * 2
    assert answer["late"] == 2
    assert program.json("--deadline", "60000", file)["files"][0]["label"] == "markdown"


@of("filetype-python")
def test_a_wrong_configuration_is_named(program, models):
    for text in ["{}", "[]", "no JSON"]:
        (program.folder / "labels.json").write_text(text)
        ended = program("--config", "labels.json", "x", code=1)
        assert ended.stderr.startswith("error: labels.json is no configuration")


DOCUMENTS = {
    "bread.md": "# Bread\n\nKnead flour, water and yeast, let the dough rise, and bake it in a hot oven.\n",
    "bicycle.md": "# Bicycle\n\nWhen a tyre is flat, take out the tube and glue a patch over the hole.\n",
    "moon.md": "# Moon\n\nThe tides of the sea follow the pull of the moon, which circles the earth.\n",
    "tax.md": "# Tax\n\n- The declaration of income has to reach the office\n  before the end of July.\n",
    "music.md": "# Music\n\n| string | note |\n| --- | --- |\n| a violin's lowest string | tuned to a G |\n",
}
QUESTIONS = {
    "how to make a loaf": "bread.md",
    "repair a punctured wheel": "bicycle.md",
    "why does the ocean go up and down": "moon.md",
    "when do I have to tell the state what I earned": "tax.md",
    "what pitch does the instrument begin at": "music.md",
}


def embedded_alone(models, texts):
    """The vectors of texts, one by one, by plain ONNX Runtime: nothing is padded and nothing is masked."""
    import numpy as np

    model = plain_session(models / "minilm" / "model.onnx")
    tokenizer = package("tokenizers").Tokenizer.from_file(str(models / "minilm" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": ids * 0 + 1, "token_type_ids": ids * 0}
        vector = model.run(None, inputs)[0][0].astype(np.float64).mean(0)
        yield vector / math.sqrt((vector**2).sum())


@pytest.fixture
def library(tmp_path):
    """A folder of documents, with traps: code and what is too short for an answer."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(f"{text}\n```text\n# how to make a loaf of code\n```\n\nToo short.\n")
    return folder


@of("semantic-search")
def test_questions_find_their_documents(program, models, library):
    package("tokenizers")
    for question, document in QUESTIONS.items():
        answer = program.json(question, "--docs", library)
        assert Path(answer["results"][0]["file"]).name == document, question
        assert answer["paragraphs"] == len(DOCUMENTS)
        assert len(answer["results"]) == 3 and answer["precision"] is None
    assert answer["results"][0]["text"] == "a violin's lowest string, tuned to a G"
    assert answer["results"][0]["line"] == 5 and answer["results"][0]["heading"] == "Music"


@of("semantic-search")
def test_an_index_is_kept_and_follows_its_documents(program, models, library):
    package("tokenizers")
    question, document = next(iter(QUESTIONS.items()))
    arguments = [question, "--docs", library, "--index", "vectors.npz"]
    first, second = program.json(*arguments), program.json(*arguments)
    assert (first["embedded"], second["embedded"]) == (len(DOCUMENTS), 0)
    assert first["results"] == second["results"]
    (library / document).write_text("# Loaf\n\nHow to make a loaf of sourdough bread.\n")
    changed = program.json(*arguments)
    assert changed["embedded"] == 1 and changed["results"][0]["heading"] == "Loaf"
    (program.folder / "vectors.npz").write_text("no index")
    assert "vectors.npz is no index" in program(*arguments, code=1).stderr


@of("semantic-search")
def test_the_docs_tell_how_to_cancel_a_run(program, models):
    package("tokenizers")
    question = "how do I cancel a run"
    docs = REPOSITORY / "docs" / "latency.md"
    results = program.json(question, "--docs", docs, "--top", "1000")["results"]
    assert results[0]["heading"] == "Deadlines and cancellation"
    assert len(results) > 20 and len({result["text"] for result in results}) == len(results)

    texts = [f"{result['heading']}. {result['text']}" for result in results]
    asked, *vectors = embedded_alone(models, [question, *texts])
    expected = [float(vector @ asked) for vector in vectors]
    assert [result["score"] for result in results] == pytest.approx(expected, abs=2e-6)

    text = program(question, "--docs", docs, "--top", "1").stdout
    assert f"{results[0]['score']:.3f}  docs/latency.md:{results[0]['line']}  Deadlines" in text


@of("semantic-search")
def test_eight_bits_still_find(program, models, library):
    package("tokenizers")
    question, document = next(iter(QUESTIONS.items()))
    arguments = [question, "--docs", library, "--precision", "auto", "--time-limit", "5", "--cache"]
    ended = program(*arguments)
    assert f"{document}:3  Bread" in ended.stdout.splitlines()[0]
    assert "precision: " in ended.stdout
    # The choice is kept: to the digit, which measuring once more would not give.
    kept = list((program.folder / "cache").rglob("*.ortlet"))
    verdict = program.json(*arguments)["precision"]["verdict"]
    assert " ".join(ended.stdout.split()).endswith(f"precision: {verdict}")
    assert len(kept) == 1 and list((program.folder / "cache").rglob("*.ortlet")) == kept


@of("semantic-search")
def test_documents_that_are_not_there_are_named(program, models):
    package("tokenizers")
    assert "no-such.md" in program("x", "--docs", "no-such.md", code=1).stderr
    assert "no paragraph" in program("x", "--docs", program.folder, code=1).stderr


def drawn(path, text, size=32, **how):
    """A picture of a line in the font that comes with Pillow."""
    image, draw, fonts = (package(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    font = fonts.load_default(size)
    _, _, right, bottom = font.getbbox(text)
    picture = image.new(how.get("mode", "RGB"), (right + 24, bottom + 16), how.get("paper", "white"))
    draw.Draw(picture).text((12, 8), text, fill=how.get("ink", "black"), font=font)
    picture.save(path)
    return picture.size


def line_reference(model, path, width=None):
    """Text and confidence of a picture without transparency, by plain ONNX Runtime."""
    import numpy as np

    image = package("PIL.Image")
    picture = image.open(path).convert("RGB")
    scaled = math.ceil(48 * picture.width / picture.height)
    width = width or (scaled + 63) // 64 * 64
    pixels = np.asarray(picture.resize((min(scaled, width), 48), image.BILINEAR), np.float32)
    line = np.zeros((1, 3, 48, width), np.float32)
    for channel in range(3):
        line[0, channel, :, : pixels.shape[1]] = (pixels[:, :, 2 - channel] / 255 - 0.5) / 0.5
    (scores,) = model.run(None, {"x": line})[0]
    classes = [None, *model.get_modelmeta().custom_metadata_map["character"].split("\n"), " "]
    text, sure, before = "", [], 0
    for step in scores:
        best = int(step.argmax())
        if best not in (0, before):
            text += classes[best]
            sure.append(float(step[best]))
        before = best
    return text, sum(sure) / max(1, len(sure))


LINES = {
    "1.png": ("Hello, world!", {}),
    "2.jpg": ("Hello, World?", {"ink": "navy", "paper": "lightyellow"}),
    "3.png": ("Invoice 2024-0815", {"mode": "L", "ink": 20, "paper": 220}),
    "4.png": ("Total: 42.50 EUR", {"ink": "white", "paper": "darkgreen"}),
    "5.png": ("The quick brown fox jumps over 13 lazy dogs.", {}),
}


@of("ocr-line")
def test_drawn_lines_are_read(program, models):
    sizes = [drawn(program.folder / name, text, **how) for name, (text, how) in LINES.items()]
    sizes.append(drawn(program.folder / "6.png", "see-through", mode="RGBA", paper=(0, 0, 0, 0)))
    lines = program.json(*LINES, "6.png")["lines"]
    assert [line["text"] for line in lines] == [text for text, _ in LINES.values()] + ["see-through"]
    steps = [math.ceil(48 * width / height / 64) for width, height in sizes]
    hows = {(steps.count(step) > 1, line["how"]) for step, line in zip(steps, lines, strict=True)}
    assert hows == {(True, "bound"), (False, "run")}

    model = plain_session(models / "rapidocr" / "PP-OCRv6_rec_small.onnx")
    for line in lines[:5]:
        text, confidence = line_reference(model, program.folder / line["file"])
        assert (line["text"], line["confidence"]) == (text, pytest.approx(confidence, abs=1e-5))
        assert confidence > 0.9


@of("ocr-line")
def test_a_fixed_width_holds_every_line(program, models):
    names = list(LINES)[:4]
    for name in names:
        drawn(program.folder / name, LINES[name][0])
    lines = program.json("--width", "320", *names)["lines"]
    model = plain_session(models / "rapidocr" / "PP-OCRv6_rec_small.onnx")
    for name, line in zip(names, lines, strict=True):
        text, confidence = line_reference(model, program.folder / name, 320)
        assert text == LINES[name][0]
        assert (line["text"], line["how"]) == (text, "bound")
        assert line["confidence"] == pytest.approx(confidence, abs=1e-5)
    assert "at least 48" in program("--width", "0", *names, code=2).stderr


@of("ocr-line")
def test_pictures_that_cannot_be_read_do_not_stop_the_others(program, models):
    drawn(program.folder / "line.png", "Seven")
    drawn(program.folder / "blank.png", " ")
    (program.folder / "broken.png").write_text("no picture")
    ended = program("line.png", "none.png", "broken.png", "blank.png", code=1)
    head, _, line, none, broken, blank, *_ = ended.stdout.splitlines()
    assert head.split() == ["file", "text", "confidence"]
    assert line.split()[:2] == ["line.png", "Seven"]
    assert "No such file" in none and "cannot identify" in broken
    assert blank.split() == ["blank.png", "(no", "text)", "-"]


@of("ocr-line")
def test_a_model_without_characters_is_refused(program, models):
    drawn(program.folder / "line.png", "Seven")
    ended = program("--model", models / "magika" / "model.onnx", "line.png", code=1)
    assert "no list of characters" in ended.stderr
