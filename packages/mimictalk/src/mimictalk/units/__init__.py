"""Many independent pieces of work: named, retried, taken up again; on local processes or on Ray."""
