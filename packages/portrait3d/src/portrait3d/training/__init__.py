"""Training of the generic model in the three published stages: image-to-plane, motion, torso."""
