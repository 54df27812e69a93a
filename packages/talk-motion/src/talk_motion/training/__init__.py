"""Training of the audio-to-motion models: settings, data on disk, stages, and the one loop of all of them."""
