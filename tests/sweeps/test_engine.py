"""The policy, with a place to run that does what the test says."""

from collections import deque
from pathlib import Path

import pytest

from frequency_reg import presence, records
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import config_columns, identity, run_directory
from sweeps.backend import Backend, Ended, Task
from sweeps.engine import NOT_STARTED, Policy, execute


class Script(Backend):
    """Ends tasks as the script of their seed says, first come first served."""

    def __init__(self, script: dict[int, list[str]], capacity: int = 1) -> None:
        self.capacity = capacity
        self.script = {seed: deque(steps) for seed, steps in script.items()}
        self.submitted: list[int] = []
        self.most = 0
        self.under_way: deque[Task] = deque()
        self.interrupted = self.closed = False

    def submit(self, task):
        self.submitted.append(task.config.seed)
        self.under_way.append(task)
        self.most = max(self.most, len(self.under_way))

    def wait(self, seconds):  # noqa: ARG002
        if not self.under_way:
            return []
        task = self.under_way.popleft()
        steps = self.script.get(task.config.seed)
        step = steps.popleft() if steps else "complete"
        if step == "interrupt":
            self.under_way.append(task)
            raise KeyboardInterrupt
        if step in ("died", "timeout", "oom"):
            return [Ended(task, step, detail="its process was ended by signal 9 (SIGKILL)")]
        if step == "complete":
            publish(task, "complete")
        return [Ended(task, "returned", Outcome(task.directory, step, f"said {step}"))]

    def interrupt(self):
        self.interrupted = True

    def close(self):
        self.closed = True


class Lines:
    def __init__(self):
        self.lines, self.snapshots, self.closed = [], [], False

    def line(self, text):
        self.lines.append(text)

    def update(self, snapshot):
        self.snapshots.append(snapshot)

    def close(self):
        self.closed = True


def publish(task: Task, status: str) -> None:
    task.directory.mkdir(parents=True, exist_ok=True)
    writer = records.RunWriter(task.directory, identity(task.config))
    writer.set_run({"run_name": task.directory.name, "status": status, "epoch": 1, **config_columns(task.config)})
    writer.publish()


@pytest.fixture
def tasks(small):
    return lambda n: [Task(small(f"seed={seed}")) for seed in range(n)]


def status(task: Task) -> tuple[str, str]:
    row = records.read(task.directory)["run"].to_pylist()[0]
    return row["status"], row["status_detail"]


def go(tasks, script=None, capacity=1, **policy):
    backend, display = Script(script or {}, capacity), Lines()
    outcomes = execute(tasks, backend, Policy(**policy), display)
    assert backend.closed
    assert display.closed
    return outcomes, backend, display


def test_outcomes_are_in_order_and_capacity_is_kept(tasks):
    outcomes, backend, display = go(tasks(5), capacity=2)
    assert [o.status for o in outcomes] == ["complete"] * 5
    assert backend.most == 2
    assert [line.split()[0:2] for line in display.lines] == [[f"[{n}/5]", "complete"] for n in range(1, 6)]


def test_equal_tasks_are_done_once(tasks):
    twice = [*tasks(2), *tasks(2)]
    outcomes, backend, _ = go(twice)
    assert backend.submitted == [0, 1]
    assert len(outcomes) == 4
    assert outcomes[:2] == outcomes[2:]


def test_finished_runs_are_not_done_again_and_other_code_is_said(tasks):
    two = tasks(2)
    publish(two[0], "complete")  # without a source digest: made by other code
    outcomes, backend, display = go(two)
    assert backend.submitted == [1]
    assert outcomes[0].skipped
    assert "1 of 2 runs there already" in display.lines
    assert (
        "warning: 1 run of these: made by another version of the code; delete its folder to repeat it" in display.lines
    )


def test_a_dead_run_is_tried_once_more(tasks):
    (outcome,), backend, display = go(tasks(1), {0: ["died", "complete"]})
    assert outcome.status == "complete"
    assert backend.submitted == [0, 0]
    assert display.lines[0].endswith("its process was ended by signal 9 (SIGKILL); it is tried again")


def test_a_run_that_dies_again_is_killed_and_the_rest_goes_on(tasks):
    three = tasks(3)
    outcomes, backend, _ = go(three, {1: ["died", "died"]})
    assert [o.status for o in outcomes] == ["complete", "killed", "complete"]
    assert backend.submitted == [0, 1, 1, 2]
    assert status(three[1]) == ("killed", "its process was ended by signal 9 (SIGKILL), after 2 attempts")
    assert "killed" in (three[1].directory / "log.txt").read_text()


def test_a_run_that_somebody_interrupts_is_tried_once_more(tasks):
    (outcome,), backend, display = go(tasks(1), {0: ["killed", "complete"]})
    assert (outcome.status, backend.submitted) == ("complete", [0, 0])
    assert display.lines[0].endswith("its process was interrupted; it is tried again")
    (outcome,), _, _ = go(tasks(2)[1:], {1: ["killed", "killed"]})
    assert outcome.status == "killed"


def test_timeout_and_exhausted_memory_are_not_tried_again(tasks):
    two = tasks(2)
    outcomes, backend, _ = go(two, {0: ["timeout"], 1: ["oom"]})
    assert [o.status for o in outcomes] == ["timeout", "oom"]
    assert [status(task)[0] for task in two] == ["timeout", "oom"]
    assert backend.submitted == [0, 1]


def test_a_kill_keeps_what_the_run_had_recorded(tasks):
    (task,) = tasks(1)
    publish(task, "running")
    go([task], {0: ["died", "died"]})
    row = records.read(task.directory)["run"].to_pylist()[0]
    assert (row["status"], row["epoch"]) == ("killed", 1)


def test_max_failures_starts_no_further_run_and_counts_no_divergence(tasks):
    script = {0: ["diverged"], 1: ["failed"], 2: ["complete"], 3: ["failed"]}
    outcomes, backend, display = go(tasks(6), script, max_failures=2)
    assert [o.status for o in outcomes] == ["diverged", "failed", "complete", "failed", NOT_STARTED, NOT_STARTED]
    assert backend.submitted == [0, 1, 2, 3]
    assert "max_failures=2: 2 runs failed, 2 runs not started" in display.lines


def test_max_failures_counts_over_every_launch_under_one_policy(tasks):
    policy, four = Policy(max_failures=2), tasks(4)
    first = execute(four[:2], Script({0: ["failed"]}), policy, Lines())
    second = execute(four[2:3], Script({2: ["failed"]}), policy, Lines())
    third = execute(four[3:], Script({}), policy, Lines())
    assert [o.status for o in (*first, *second, *third)] == ["failed", "complete", "failed", NOT_STARTED]


def test_an_interruption_lets_runs_leave_their_records_and_is_raised(tasks):
    backend, display = Script({1: ["interrupt", "killed"]}), Lines()
    with pytest.raises(KeyboardInterrupt):
        execute(tasks(3), backend, Policy(), display)
    assert backend.interrupted
    assert backend.closed
    assert backend.submitted == [0, 1]
    assert "interrupted: 1 run under way leave records and checkpoints" in display.lines


def test_what_another_process_does_is_waited_for(tasks, monkeypatch):
    """Its outcome is taken over if it ends, the run itself if the other process is killed."""
    monkeypatch.setattr("sweeps.engine._LOOK_SECONDS", 0.0)
    three = tasks(3)
    looks = {three[0].directory: 3, three[1].directory: 3}

    def holder(directory: Path):
        looks[directory] = looks.get(directory, 0) - 1
        if looks[directory] == 0:
            publish(three[0], "failed") if directory == three[0].directory else publish(three[1], "running")
        return presence.Sign("host", 1, 0.0) if looks[directory] > 0 else None

    monkeypatch.setattr(presence, "holder", holder)
    outcomes, backend, display = go(three)
    assert [o.status for o in outcomes] == ["failed", "complete", "complete"]
    assert backend.submitted == [2, 1]
    assert "another process is doing it; waiting for what becomes of it" in display.lines[0]


def test_a_run_that_was_taken_up_elsewhere_meanwhile_is_waited_for(tasks):
    (outcome,), backend, _ = go(tasks(1), {0: ["running", "complete"]})
    assert outcome.status == "complete"
    assert backend.submitted == [0, 0]


def test_a_directory_that_cannot_be_written_is_one_failed_run(tasks):
    two = tasks(2)
    two[0].directory.parent.mkdir(parents=True)
    two[0].directory.write_text("a file stands where the run's folder should be")
    outcomes, _, _ = go(two, {0: ["died", "died"]})
    assert [o.status for o in outcomes] == ["killed", "complete"]
    assert "not recorded: " in outcomes[0].detail


def test_a_snapshot_counts_everything_once(tasks, monkeypatch):
    monkeypatch.setattr("sweeps.engine._WAIT_SECONDS", -1.0)
    _, _, display = go(tasks(4), {1: ["failed"]}, capacity=2)
    for snapshot in display.snapshots:
        assert sum(snapshot.counts.values()) + len(snapshot.running) + snapshot.waiting == snapshot.total == 4
    last = display.snapshots[-1]
    assert (last.counts, last.already, len(last.run_seconds)) == ({"complete": 3, "failed": 1}, 0, 4)


def test_the_run_directory_is_the_one_of_the_configuration(tasks):
    (task,) = tasks(1)
    assert task.directory == run_directory(task.config)
