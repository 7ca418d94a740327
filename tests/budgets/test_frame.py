"""The frame of the benchmarks: what its exit status says, and how it compares two runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.figures import COUNT, RATIO, TIME, Figure, Findings
from bench.parts import Part

PARTS = (
    Part("counted", "requests", counted=True),
    Part("timed", "milliseconds", quick=False),
    Part("long", "minutes", unnamed=False),
)
REQUESTS = Figure("requests", 3, "requests", COUNT, at_most=3)
LATENCY = Figure("latency", 90, "ms", TIME, at_most=60)


class Bench:
    """The command with parts of its own. A part finds what `finds` has for it, and fails if that is None."""

    def __init__(self, folder: Path):
        self._found, self._published = folder / "found", folder / "published"
        self.finds: dict[str, list[Figure] | None] = {"counted": [REQUESTS], "timed": [LATENCY], "long": []}
        self.measured: list[tuple[str, bool]] = []

    def publish(self, *figures: Figure) -> None:
        Findings(list(figures)).save(self._published / "counted.json")

    def __call__(self, *arguments: str) -> int:
        return main(arguments, parts=PARTS, run=self._run, found_in=self._found, published_in=self._published)

    def _run(self, name: str, quick: bool) -> bool:
        self.measured.append((name, quick))
        figures = self.finds[name]
        if figures is not None:
            Findings(figures).save(self._found / f"{name}.json")
        return figures is not None


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_status_is_0_if_all_counts_meet_their_goals_though_a_time_does_not(bench: Bench):
    assert bench() == 0
    assert bench.measured == [("counted", False), ("timed", False)]


@pytest.mark.parametrize("goal", [{"at_most": 2}, {"at_least": 4}])
def test_the_status_is_1_if_a_count_misses_its_goal(bench: Bench, goal: dict[str, float]):
    bench.finds["counted"] = [Figure("requests", 3, "requests", COUNT, **goal)]
    assert bench() == 1


@pytest.mark.parametrize(("published", "status"), [(3, 0), (2, 1)])
def test_a_count_that_misses_its_goal_for_a_known_reason_may_not_grow(bench: Bench, published: float, status: int):
    bench.publish(Figure("requests", published, "requests", COUNT))
    bench.finds["counted"] = [Figure("requests", 3, "requests", COUNT, at_most=1, why="AWS bills no less.")]
    assert bench() == status


def test_the_status_is_2_if_a_part_fails_and_the_other_parts_are_measured(
    bench: Bench, capsys: pytest.CaptureFixture[str]
):
    bench.finds["counted"] = None
    assert bench() == 2
    assert bench.measured == [("counted", False), ("timed", False)]
    assert "NOT measured: counted." in capsys.readouterr().out


def test_a_missed_goal_is_printed_with_the_reason(bench: Bench, capsys: pytest.CaptureFixture[str]):
    bench.finds["timed"] = [Figure("latency", 90, "ms", TIME, at_most=60, why="Lambda polls four times a second.")]
    bench()
    printed = capsys.readouterr().out
    assert "1 of 2 goals are met." in printed
    assert "missed: latency" in printed and "Lambda polls four times a second." in printed


def test_a_part_that_takes_long_runs_only_if_it_is_named(bench: Bench):
    assert bench("long") == 0
    assert bench.measured == [("long", False)]


def test_the_help_says_what_each_part_measures_and_when_it_runs(bench: Bench, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        bench("--help")
    printed = capsys.readouterr().out
    assert "counted     requests\n" in printed
    assert "timed       milliseconds (not with --quick, unless it is named)\n" in printed
    assert "long        minutes (only if it is named)\n" in printed


def test_a_quick_run_leaves_out_the_parts_that_are_never_quick(bench: Bench):
    assert bench("--quick") == 0
    assert bench.measured == [("counted", True)]


def test_a_counted_run_leaves_out_the_parts_that_take_the_time(bench: Bench):
    assert bench("--counted") == 0
    assert bench.measured == [("counted", False)]


@pytest.mark.parametrize(("published", "status"), [(2, 1), (3, 0), (4, 0)])
def test_a_count_without_a_goal_may_not_grow_over_the_published_one(bench: Bench, published: float, status: int):
    bench.publish(Figure("units", published, "units", COUNT))
    bench.finds["counted"] = [Figure("units", 3, "units", COUNT)]
    assert bench() == status


@pytest.mark.parametrize(
    ("kind", "first", "second", "status"),
    [
        (COUNT, 3.0, 3.0, 0),
        (COUNT, 3.0, 3.1, 1),
        (RATIO, 1.0, 1.19, 0),
        (RATIO, 1.0, 1.21, 1),
        (RATIO, 1.21, 1.0, 1),
        (TIME, 1.0, 9.0, 0),
    ],
)
def test_two_runs_are_compared_by_what_their_figures_are(
    tmp_path: Path, kind: str, first: float, second: float, status: int
):
    for folder, value in (("first", first), ("second", second)):
        Findings([Figure("a", value, "unit", kind)]).save(tmp_path / folder / "part.json")
    assert main(["--compare", str(tmp_path / "first"), str(tmp_path / "second")]) == status


def test_runs_differ_if_only_one_has_a_figure_or_a_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, two = Figure("one", 1, "unit", TIME), Figure("two", 2, "unit", TIME)
    Findings([one, two]).save(tmp_path / "first" / "part.json")
    Findings([one]).save(tmp_path / "second" / "part.json")
    Findings([one]).save(tmp_path / "second" / "other.json")
    assert main(["--compare", str(tmp_path / "first"), str(tmp_path / "second")]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"other.json is not in {tmp_path / 'first'}", "part.json: only one run has two"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--counted", "timed"), "--counted leaves out what is timed: timed"),
        (("--quick", "--publish"), "quick results are not published"),
        (("--compare", ".", "/none/such"), "no folder: /none/such"),
        (("--compare", ".", ".", "counted"), "--compare measures nothing"),
        (("--compare", ".", ".", "--publish"), "--compare measures nothing"),
        (("nothing",), "no part is named nothing; there are counted, timed, long"),
    ],
)
def test_arguments_that_would_be_ignored_are_refused_and_nothing_is_measured(
    bench: Bench, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        bench(*arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert bench.measured == []


def test_ctrl_c_ends_the_run_with_a_status_of_its_own_and_publishes_nothing(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def stopped(name: str, quick: bool) -> bool:
        raise KeyboardInterrupt

    status = main(["--publish"], parts=PARTS, run=stopped, found_in=tmp_path, published_in=tmp_path / "published")
    assert status == 130
    assert "Stopped." in capsys.readouterr().out
    assert not (tmp_path / "published").exists()


def test_a_quick_run_and_a_whole_one_are_not_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    found = Findings([REQUESTS])
    found.save(tmp_path / "whole" / "part.json")
    found.save(tmp_path / "quick" / "part.json", quick="yes")
    assert main(["--compare", str(tmp_path / "whole"), str(tmp_path / "quick")]) == 1
    assert f"the results in {tmp_path / 'quick'} are of a quick run" in capsys.readouterr().out


def test_folders_without_results_are_not_equal(tmp_path: Path):
    assert main(["--compare", str(tmp_path), str(tmp_path)]) == 1
