"""A flame graph says how long a function took itself, and how long with all it called."""

from pathlib import Path

from bench.flames import read

GRAPH = """<?xml version="1.0" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:fg="http://github.com/jonhoo/inferno">
<title>py-spy</title><g><rect x="0" y="0" width="9" height="9"/></g>
{boxes}
</svg>
"""


def a_box(level: int, start: int, width: int, name: str) -> str:
    return (
        f"<g><title>{name} ({width} samples, 1.00%)</title>"
        f'<rect x="0%" y="{52 + 16 * level}" width="1%" height="15" fg:x="{start}" fg:w="{width}"/><text></text></g>'
    )


def test_own_time_is_what_is_left_of_a_call_and_a_function_that_calls_itself_counts_once(tmp_path: Path):
    boxes = [
        a_box(0, 0, 100, "all"),
        a_box(1, 0, 90, "run (loop.py:1)"),
        a_box(1, 90, 10, "idle (loop.py:9)"),
        a_box(2, 10, 30, "walk (tree.py:5)"),
        a_box(2, 50, 40, "write (socket.py:2)"),
        a_box(3, 15, 20, "walk (tree.py:5)"),
        a_box(4, 20, 5, "write (socket.py:2)"),
    ]
    graph = tmp_path / "graph.svg"
    graph.write_text(GRAPH.format(boxes="\n".join(boxes)))

    profile = read(graph)

    assert profile.samples == 100
    assert profile.own == {
        "run (loop.py:1)": 20,
        "idle (loop.py:9)": 10,
        "walk (tree.py:5)": 25,
        "write (socket.py:2)": 45,
    }
    assert profile.whole == {
        "run (loop.py:1)": 90,
        "idle (loop.py:9)": 10,
        "walk (tree.py:5)": 30,
        "write (socket.py:2)": 45,
    }
