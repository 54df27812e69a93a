"""The published audio-to-motion models at their full size: sizes, networks, features, import of weights."""
