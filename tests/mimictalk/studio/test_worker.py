"""Jobs survive what happens to their worker; nothing outlives it; what is asked of them is done."""

import os
import time


def history(folder, job):
    return [int(line) for line in (folder.job(job.id) / "history").read_text().split()]


def test_two_jobs_at_once_both_end(store, folder, submit, start_worker, wait):
    start_worker("cpu")
    start_worker("cpu")  # a second worker of the same device waits for the first to go
    first, second = submit(), submit()
    for job in (first, second):
        assert wait(job, lambda now: now.is_over).state == "done"
    a, b = store.get(first.id), store.get(second.id)
    assert a.finished <= b.started
    assert (folder.job(first.id) / "out/avatar/preview.png").is_file()
    assert not (folder.job(first.id) / "cache").exists()


def test_a_killed_workers_job_goes_on_where_it_was(store, folder, submit, start_worker, wait):
    job = submit()
    worker = start_worker()
    wait(job, lambda now: now.done >= 5)
    worker.kill()
    worker.wait()
    seen = store.get(job.id).done
    start_worker()
    ended = wait(job, lambda now: now.is_over)
    assert (ended.state, ended.starts) == ("done", 2)
    assert ended.result["adapt"]["began"] >= 5
    assert history(folder, job) == list(range(1, 21)), "no step was done twice, none left out"
    points = [point["done"] for point in store.curve(job.id)]
    lost = set(range(1, 21)) - set(points)
    assert lost <= set(range(seen + 1, ended.result["adapt"]["began"] + 1)), (
        "only what no worker was there to hear"
    )
    assert points[-1] == 20


def test_no_child_outlives_its_worker(folder, submit, start_worker, wait):
    job = submit(b"slow")
    worker = start_worker()
    wait(job, lambda now: now.done >= 2)
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen = len(history(folder, job))
        time.sleep(0.3)
        if len(history(folder, job)) == seen:
            break
    else:
        raise AssertionError("somebody still counts")


def test_a_worker_goes_with_its_server_and_keeps_the_work(store, submit, start_worker, wait):
    job = submit(b"slow")
    worker = start_worker()
    wait(job, lambda now: now.done >= 2)
    worker.stdin.close()  # as when the server dies
    assert worker.wait(timeout=30) == 0
    now = store.get(job.id)
    assert (now.state, now.starts) == ("queued", 0)


def test_pause_and_resume(folder, store, submit, start_worker, wait):
    job = submit()
    start_worker()
    wait(job, lambda now: now.done >= 4)
    store.pause(job.id)
    paused = wait(job, lambda now: now.state == "paused")
    assert 4 <= paused.done < 20
    store.resume(job.id)
    assert wait(job, lambda now: now.is_over).result["adapt"]["began"] >= 4
    assert history(folder, job) == list(range(1, 21))


def test_cancel_leaves_nothing(folder, store, submit, start_worker, wait):
    job, after = submit(b"slow"), submit()
    start_worker()
    wait(job, lambda now: now.done >= 2)
    store.cancel(job.id)
    wait(job, lambda now: now.state == "cancelled", 10)
    assert not [name for name in ("out", "cache", "tmp", "state") if (folder.job(job.id) / name).exists()]
    assert wait(after, lambda now: now.is_over).state == "done"


def test_a_no_go_is_the_result_of_a_check_and_the_failure_of_an_adapt(submit, start_worker, wait):
    check, adapt = submit(b"unusable", "check"), submit(b"unusable")
    start_worker()
    said = {"subject": "clip", "cause": "no face was found", "cure": "Show one face."}
    ended = wait(check, lambda now: now.is_over)
    assert (ended.state, ended.result["check"]["error"]) == ("done", said)
    ended = wait(adapt, lambda now: now.is_over)
    assert (ended.state, ended.error) == ("failed", said)


def test_a_job_that_kills_its_process_is_given_up(submit, start_worker, wait):
    job = submit(b"deadly")
    start_worker(job_starts=2)
    ended = wait(job, lambda now: now.is_over)
    assert ended.state == "failed"
    assert "killed several times" in ended.error["cause"]


def test_a_job_may_not_take_for_ever(submit, start_worker, wait):
    job = submit(b"slow")
    start_worker(job_seconds=1)
    ended = wait(job, lambda now: now.is_over)
    assert (ended.state, ended.error["cause"]) == ("failed", "it ran for more than 1 s")


def test_warnings_and_log(folder, submit, start_worker, wait):
    job = submit(kind="check")
    start_worker()
    assert wait(job, lambda now: now.is_over).warnings == ["the clip is short (3.0 s)"]
    assert "short" in (folder.job(job.id) / "log.txt").read_text()


def test_everything_is_written_inside_the_jobs_folder(folder, submit, start_worker, wait):
    outside = {entry for entry in folder.root.parent.rglob("*") if folder.root not in entry.parents}
    job = submit(kind="render")
    start_worker()
    wait(job, lambda now: now.is_over)
    after = {entry for entry in folder.root.parent.rglob("*") if folder.root not in entry.parents}
    assert after == outside
    assert {entry.name for entry in folder.jobs.iterdir()} == {job.id}
    assert os.listdir(folder.uploads) == []
