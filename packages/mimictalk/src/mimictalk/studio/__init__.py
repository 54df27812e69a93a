"""The studio: a job store, one worker per device, an HTTP API, and a page that is only a view of them."""
