"""addok, a geocoder in wide use, on the same made-up city, questions and run as ours.

addok's tokens are runs of word characters, so that a whole Chinese address would be one token in the index,
while it spells questions in pinyin. To give it a fair chance both are made alike by a processor of its own
plug-in point: pinyin syllables in overlapping pairs, numbers as house numbers; and questions are handed to
it with road, district and number already set apart by spaces. It needs redis-server on PATH and addok in an
environment of its own; the platform depends on neither.
"""

import gc
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.geocode_city import DISTRICTS, made_up_city
from benchmarks.geocode_data import apart_m
from benchmarks.servers import scratch_folder
from command_center.processes import machine
from geocoding.answers import geocode
from geocoding.calibration import calibrate
from geocoding.examination import examine
from geocoding.index.gazetteer import Gazetteer

CONFIG = """\
PROCESSORS_PYPATHS = ["wanmi_pairs.syllables"]
"""
PROCESSOR = """
import re
from addok.helpers.text import Token
from unidecode import unidecode

def syllables(pipe):
    for text in pipe:
        words = re.findall(r"[a-z]+|[0-9]+", unidecode(str(text)).lower())
        for at, word in enumerate(words):
            if word.isdigit():
                yield Token(word, position=at, kind="housenumber")
            elif at + 1 < len(words) and not words[at + 1].isdigit():
                yield Token(word + words[at + 1], position=at)
            elif at == 0:
                yield Token(word, position=at)
"""
ASK = """
import json, sys, time
from addok.config import config
config.load()
from addok.core import search
texts = json.load(open(sys.argv[1]))
for text in texts[:20]:
    search(text, limit=1)
answers, cpu = [], time.process_time()
for text in texts:
    found = search(text, limit=1)
    answers.append([float(found[0].lon), float(found[0].lat)] if found else None)
json.dump([answers, time.process_time() - cpu], open(sys.argv[2], "w"))
"""
QUESTIONS: dict[str, Callable[[str, str, int], str]] = {
    "known": lambda district, road, number: f"{district}{road}{number}号",
    "chatter": lambda district, road, number: f"我要反映{district}{road}{number}号门口有人乱设摊",
    "mistaken": lambda district, road, number: f"{district}{road[1:]}{number}号",
}
"""Known doors as they are, in what a caller says around them, and with the road's first character lost."""


def spaced(text: str) -> str:
    """District, road and number of a question set apart, as addok needs them."""
    number = re.search(r"\d+(?=号)", text)
    body = re.sub(r"\d+号.*", "", text).removeprefix("我要反映")
    district = next((name for name in DISTRICTS if body.startswith(name)), "")
    return " ".join(part for part in (body[len(district) :], district, number[0] if number else "") if part)


def _documents(gazetteer: Gazetteer) -> list[dict[str, Any]]:
    raw = gazetteer.raw
    roads: dict[int, dict[str, Any]] = {}
    columns = (raw.base, raw.number, raw.district, raw.lon, raw.lat)
    for base, number, district, lon, lat in zip(*(c.tolist() for c in columns), strict=True):
        road = roads.setdefault(
            base,
            {
                "_id": f"r{base}", "id": f"r{base}", "type": "street", "importance": 0.5,
                "lon": lon, "lat": lat, "name": gazetteer.bases.texts[base],
                "city": gazetteer.areas.texts[district], "housenumbers": {},
            },
        )  # fmt: skip
        road["housenumbers"][str(number)] = {"lon": lon, "lat": lat}
    return list(roads.values())


def measure(
    *, python: Path, size: int, sample: int = 1000, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Doors of a made-up city, asked of both in three ways (``QUESTIONS``); processor time, and addok's with
    its redis. Raises FileNotFoundError without redis-server."""
    redis = shutil.which("redis-server")
    if redis is None or not python.exists():
        raise FileNotFoundError("not compared with addok: redis-server or addok's python is missing")
    gazetteer, _ = made_up_city(size)
    calibration = calibrate(examine(gazetteer, 2000))
    raw = gazetteer.raw
    some = np.random.default_rng(7).choice(len(raw.lon), sample, replace=False)
    doors = [
        (gazetteer.areas.texts[raw.district[i]], gazetteer.bases.texts[raw.base[i]], int(raw.number[i]))
        for i in some
    ]
    points = list(zip(raw.lon[some].tolist(), raw.lat[some].tolist(), strict=True))
    asked = {kind: [ask(*door) for door in doors] for kind, ask in QUESTIONS.items()}
    theirs = _ask_addok(python, redis, gazetteer, asked, say)
    # As every process of ours that holds a gazetteer does.
    gc.collect()
    gc.freeze()
    figures: dict[str, Any] = {"addresses": size, "asked": sample, "load_average": os.getloadavg()[0]}
    for kind, texts in asked.items():
        for text in texts[:200]:
            geocode(gazetteer, calibration, text, limit=1)
        began = time.process_time()
        best = [geocode(gazetteer, calibration, text, limit=1).best for text in texts]
        ours_s = time.process_time() - began
        answers, theirs_s = theirs[kind]
        figures[kind] = {
            "addok": _accuracy(points, answers) | {"per_core_s": sample / theirs_s},
            "wanmi": _accuracy(points, [None if b is None else (b.lon, b.lat) for b in best])
            | {"per_core_s": sample / ours_s},
            "ratio": theirs_s / ours_s,
        }  # fmt: skip
    return figures


def _ask_addok(
    python: Path, redis: str, gazetteer: Gazetteer, asked: dict[str, list[str]], say: Callable[[str], None]
) -> dict[str, tuple[list[Any], float]]:
    """Points (or None) and seconds of processor for each kind of question, by an addok that has the city."""
    with scratch_folder(None) as folder:
        port = machine.free_port()
        (folder / "addok.conf").write_text(CONFIG)
        (folder / "wanmi_pairs.py").write_text(PROCESSOR)
        (folder / "ask.py").write_text(ASK)
        with (folder / "city.jsonl").open("w") as out:
            for document in _documents(gazetteer):
                out.write(json.dumps(document) + "\n")
        environment = os.environ | {
            "ADDOK_CONFIG_MODULE": str(folder / "addok.conf"), "PYTHONPATH": str(folder),
            "REDIS_PORT": str(port), "ADDOK_LOG_DIR": str(folder),
        }  # fmt: skip
        server = subprocess.Popen(
            [redis, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"],
            stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        try:
            time.sleep(1)
            for step in (["batch", str(folder / "city.jsonl")], ["ngrams"]):
                subprocess.run(
                    [python.parent / "addok", *step], env=environment, check=True, capture_output=True
                )
            say("addok has the city")
            found = {}
            for kind, texts in asked.items():
                (folder / "asked.json").write_text(json.dumps([spaced(text) for text in texts]))
                before = _cpu_s(server.pid)
                subprocess.run(
                    [python, folder / "ask.py", folder / "asked.json", folder / "answers.json"],
                    env=environment, check=True, stdout=subprocess.DEVNULL,
                )  # fmt: skip
                answers, cpu_s = json.loads((folder / "answers.json").read_text())
                # redis also answered the twenty questions asked to warm up
                share = len(texts) / (len(texts) + 20)
                found[kind] = (answers, cpu_s + (_cpu_s(server.pid) - before) * share)
                say(f"addok answered: {kind}")
            return found
        finally:
            server.terminate()
            server.wait(10)


def _cpu_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _accuracy(points: list[Any], answers: list[Any]) -> dict[str, float]:
    apart = np.array([np.inf if a is None else apart_m(*a, *p) for a, p in zip(answers, points, strict=True)])
    return {f"within_{m}": float((apart <= m).mean()) for m in (50, 100, 300)}
