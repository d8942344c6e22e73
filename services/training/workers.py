"""Runs one process for each version, so that two cores train two models.

A process of its own also fixes the number of BLAS threads at one, which the bytes
of a model depend on, before numpy is loaded.
"""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

from services.training.evaluate import Metrics, cross_validate
from services.training.material import Material
from services.training.recipes import Recipe

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerFailed(Exception):
    """A worker ended without a result; the message holds its reason."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does: train into `folder` where one is given, then cross-validate."""

    recipe: Recipe
    folder: Path | None
    cross_validate: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a worker found out; None for what it was not asked to do."""

    version: str
    manifest: dict[str, Any] | None
    cross_validation: Metrics | None


def run(jobs: Sequence[Job], material: Material) -> list[Result]:
    """Do all jobs at once, each in its own process; results in the order of the jobs.

    Raises WorkerFailed where one ends without a result; the others are then stopped.
    """
    os.environ.update(_ONE_THREAD)
    context = multiprocessing.get_context("spawn")
    processes = []
    results: dict[str, Result] = {}
    pending: dict[Connection, str] = {}
    try:
        for job in jobs:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(job, material, sender), name=job.recipe.version, daemon=True
            )
            _start(process)
            sender.close()  # so that the pipe ends when the worker does
            processes.append(process)
            pending[receiver] = job.recipe.version
        while pending:
            for ready in wait(list(pending)):
                receiver = cast(Connection, ready)
                version = pending.pop(receiver)
                results[version] = _receive(receiver, version)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return [results[job.recipe.version] for job in jobs]


def _start(process: BaseProcess) -> None:
    """Start a worker that Ctrl-C does not reach: the parent decides, and ends its workers.

    A new process inherits the signals that are blocked.
    """
    # First, because starting the tracker ends with SIGINT unblocked.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _receive(receiver: Connection, version: str) -> Result:
    try:
        answer = receiver.recv()
    except EOFError:
        raise WorkerFailed(
            f"{version}: the training process was killed (is there enough memory? "
            "Each of the two needs about 400 MB)"
        ) from None
    finally:
        receiver.close()
    if isinstance(answer, Result):
        return answer
    raise WorkerFailed(str(answer))


def _work(job: Job, material: Material, sender: Connection) -> None:
    """The life of a worker: sends a Result, or the reason of its failure as a string."""
    version = job.recipe.version
    say = progress(version)
    try:
        from services.training.train import train

        say("scikit-learn loaded")
        manifest = train(job.recipe, material, job.folder, say) if job.folder else None
        metrics = None
        if job.cross_validate:
            metrics = cross_validate(job.recipe, material.lexicon, material.split.train, say)
        sender.send(Result(version, manifest, metrics))
    except Exception:
        sender.send(f"{version}: {traceback.format_exc().strip()}")


def progress(name: str) -> Callable[[str], None]:
    """A reporter of steps on stderr, each with the seconds since the step before."""
    last = time.monotonic()

    def say(step: str) -> None:
        nonlocal last
        now = time.monotonic()
        sys.stderr.write(f"{name}: {step} ({now - last:.1f} s)\n")
        sys.stderr.flush()
        last = now

    return say
