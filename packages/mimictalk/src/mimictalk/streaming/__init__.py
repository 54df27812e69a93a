"""A person who speaks live: sound in, marked picture and sound out (docs/streaming.md)."""
