"""PeerDB's real answers to a course of requests, and how peerd's differ from them: in the status, or in the form of the body.

`tests/scenario/peerdb/answers.jsonl` has a step a line: its name, the request, and what PeerDB (August 2026) answered. What a step
that is no request waits for is told by its first word. `differences.txt` beside it says which differences there are, and why.
"""
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "scenario" / "peerdb"
ENUM = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|POSTGRES|CLICKHOUSE|KAFKA|VALID|CREATED|STRING|INT|UINT|BOOL|ALL|Q|PG")
INTEGER = re.compile(r"-?\d+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def steps():
    return [json.loads(line) for line in (FOLDER / "answers.jsonl").read_text().splitlines()]


def kind(value):
    """What a client must know of a scalar: an enum by its value, anything else by its form."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        for form, word in ((ENUM, value), (INTEGER, "integer text"), (TIME, "time")):
            if form.fullmatch(value):
                return word
        return "text"
    return "object" if isinstance(value, dict) else "list"


def form_differences(theirs, ours, path=""):
    """'without a.b', 'with a.c', 'a.d: text, not time', for each place where the forms differ. A list is known by its first element."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"without {path}{key}" for key in theirs if key not in ours]
        found += [f"with {path}{key}" for key in ours if key not in theirs]
        for key in theirs:
            if key in ours:
                found += form_differences(theirs[key], ours[key], f"{path}{key}.")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return form_differences(theirs[0], ours[0], path[:-1] + "[].") if theirs and ours else []
    return [] if kind(theirs) == kind(ours) else [f"{path[:-1]}: {kind(ours)}, not {kind(theirs)}"]


def error_differences(theirs, ours):
    """Of an error's body a client reads the code and the types of its details; texts are everybody's own."""
    types = lambda body: {detail["@type"].rsplit(".", 1)[-1] for detail in body["details"]}
    found = [f"without details of {name}" for name in sorted(types(theirs) - types(ours))]
    return found + [f"without {key}" for key in theirs if key not in ours]


def differences(theirs, ours):
    """`theirs` and `ours` are (status, body)."""
    told = lambda answer: f"{answer[0]} code {answer[1]['code']}" if answer[0] >= 400 else str(answer[0])
    if told(theirs) != told(ours):
        return [f"{told(ours)}, not {told(theirs)}"]
    compare = error_differences if theirs[0] >= 400 else form_differences
    return compare(theirs[1], ours[1])


def read_listed():
    """({why: text}, [(step, difference, why)]) of differences.txt."""
    reasons, listed = {}, []
    for line in (FOLDER / "differences.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("why "):
            why, text = line[4:].split(": ", 1)
            reasons[why] = text
        else:
            listed.append(tuple(line.split(" | ")))
    return reasons, listed


def page_section():
    """The part of docs/compatibility.md that shows the list."""
    reasons, listed = read_listed()
    lines = []
    for why, text in reasons.items():
        by_difference = {}
        for step, difference, of in listed:
            if of == why:
                by_difference.setdefault(difference, []).append(step)
        shown = "; ".join(f"`{difference}` ({', '.join(names)})" for difference, names in by_difference.items())
        lines.append(f"- **{text}** {shown}.")
    return "\n".join(lines)
