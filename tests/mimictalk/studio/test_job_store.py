"""What was accepted stays; every state has its ways out; the queue is bounded."""

import threading

import pytest

from mimictalk.errors import InputError, RunError
from mimictalk.studio.database import Database
from mimictalk.studio.folder import StudioFolder, new_id
from mimictalk.studio.job_store import JobStore, QueueFull
from mimictalk.studio.limits import Limits


def put(store, kind="adapt", owner="me"):
    return store.submit(kind, owner, "title", {"clip": "clip.mp4"})


def test_a_job_is_there_after_reopening(store, folder):
    job = put(store)
    again = JobStore(Database(folder.database))
    assert again.get(job.id) == job
    assert (job.state, job.options, job.title) == ("queued", {"clip": "clip.mp4"}, "title")
    again.database.close()


def test_ids_have_128_bits():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(bytes.fromhex(each)) == 16 for each in ids)


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a" * 31, "A" * 32, "0" * 32 + "\n", "/etc/passwd", "g" * 32]
)
def test_no_path_is_made_of_anything_but_an_id(folder, name):
    for place in (folder.job, folder.upload):
        with pytest.raises(ValueError, match="is no id"):
            place(name)


def test_the_folder_is_its_owners_alone(folder, store):
    assert folder.root.stat().st_mode & 0o777 == 0o700
    assert folder.database.stat().st_mode & 0o777 == 0o600


def test_the_queue_is_bounded(store):
    store.limits = Limits(queued_jobs=3)
    jobs = [put(store) for _ in range(3)]
    with pytest.raises(QueueFull, match="3 jobs wait"):
        put(store)
    store.pause(jobs[0].id)
    with pytest.raises(QueueFull):  # a paused job can come back at any time
        put(store)
    store.cancel(jobs[1].id)
    put(store)


def test_quick_answers_come_first_then_the_oldest(store):
    first, second, check = put(store), put(store), put(store, "check")
    assert [store.claim("cpu").id for _ in range(3)] == [check.id, first.id, second.id]
    assert store.claim("cpu") is None


def test_no_job_is_given_to_two_workers(store, folder):
    jobs = {put(store).id for _ in range(20)}
    stores = [JobStore(Database(folder.database)) for _ in range(4)]
    claimed = []

    def take(mine, device):
        while (job := mine.claim(device)) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=take, args=(each, f"d{n}")) for n, each in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 20
    assert set(claimed) == jobs
    for each in stores:
        each.database.close()


def test_waiting_jobs_pause_resume_and_cancel_at_once(store):
    job = put(store)
    assert store.pause(job.id).state == "paused"
    assert store.claim("cpu") is None
    assert store.resume(job.id).state == "queued"
    assert store.cancel(job.id).state == "cancelled"
    with pytest.raises(InputError, match="it is cancelled"):
        store.pause(job.id)
    assert store.resume(job.id).state == "queued"


def test_what_is_asked_of_a_running_job_waits_for_its_worker(store):
    job = put(store)
    store.claim("cpu")
    assert (store.pause(job.id).state, store.get(job.id).wanted) == ("running", "pause")
    assert store.cancel(job.id).wanted == "cancel"
    with pytest.raises(InputError, match="it is running"):
        store.delete(job.id)
    with pytest.raises(InputError, match="cannot be resumed"):
        store.resume(job.id)


@pytest.mark.parametrize(("wish", "state"), [(None, "queued"), ("pause", "paused"), ("cancel", "cancelled")])
def test_what_a_killed_worker_left_is_put_back(store, wish, state):
    job, other = put(store), put(store)
    store.claim("cpu")
    store.claim("cuda")
    if wish:
        getattr(store, wish)(job.id)
    assert store.recover("cpu") == [job.id]
    assert (store.get(job.id).state, store.get(other.id).state) == (state, "running")


def test_changes_are_told_once_and_in_order(store):
    job, other = put(store), put(store, owner="you")
    version, changes = store.changed_since(0, "me")
    assert [(id_, seen.state) for _, id_, seen in changes] == [(job.id, "queued")]
    assert store.changed_since(version, "me") == (version, [])
    store.claim("cpu")
    store.tell(job.id, "adapt", 3, 10, 1.5, {"loss": 0.5})
    version, changes = store.changed_since(version, "me")
    assert [(seen.state, seen.done) for _, _, seen in changes] == [("running", 3)]
    store.end(job.id, "done", result={})
    store.delete(job.id)
    assert [seen for _, _, seen in store.changed_since(version, "me")[1]] == [None]
    with pytest.raises(KeyError):
        store.get(job.id)
    with pytest.raises(KeyError):
        store.get(other.id, "me")


def test_the_curve_is_kept_in_order(store):
    job = put(store)
    for done in (1, 5, 3, 5):
        store.tell(job.id, "adapt", done, 10, None, {"loss": done / 10})
    store.tell(job.id, "speech", 3, 10, None, {"error": 1.0})
    told = [("adapt", n, {"loss": n / 10}) for n in (1, 3, 5)] + [("speech", 3, {"error": 1.0})]
    assert store.curve(job.id) == [{"stage": s, "done": n, "numbers": v} for s, n, v in told]


def test_a_newer_database_is_refused(tmp_path):
    folder = StudioFolder.open(tmp_path / "s")
    database = Database(folder.database)
    with database.transaction() as rows:
        rows.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RunError, match="schema 99"):
        Database(folder.database)


@pytest.mark.parametrize("value", [0, -1, 1.5, "7", True - 1])
def test_limits_refuse_what_is_no_limit(value):
    with pytest.raises(InputError, match="queued_jobs"):
        Limits(queued_jobs=value)
