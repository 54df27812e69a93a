"""How alike two videos of a face are, judged by their pictures alone: uint8 RGB in, one number per frame out.

Measures on landmarks and face model coefficients are in `face3dmm.metrics`.
"""
