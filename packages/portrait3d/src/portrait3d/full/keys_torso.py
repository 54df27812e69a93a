"""Published names of the head-torso-background model's weights -> ours, as ordered (pattern, replacement).

Every rule is applied once to every key, in order; `full/keys_head.py` has the rules of the synthesis blocks
and of everything else. Published layers are numbered by their place in a pattern such as "norm, ReLU,
convolution"; here they are named by what they are.
"""

_SR = r"^superresolution\."
_WARP = r"^(super_resolution\.torso_warp\.\w+)\."

RULES: tuple[tuple[str, str], ...] = (
    # Parts
    (_SR + r"torso_model\.appearance_extractor\.", "super_resolution.torso_warp.appearance."),
    (_SR + r"torso_model\.motion_field_estimator\.", "super_resolution.torso_warp.motion."),
    (_SR + r"torso_model\.deform_based_generator\.", "super_resolution.torso_warp.generator."),
    (_SR + r"torso_model\.occlusion_2_predictor\.", "super_resolution.torso_warp.alpha."),
    (_SR + r"torso_encoder\.0\.", "super_resolution.torso_encoder."),
    (_SR + r"bg_encoder\.", "super_resolution.background_encoder."),
    (_SR + r"head_torso_alpha_predictor\.", "super_resolution.head_alpha."),
    (_SR + r"fuse_head_torso_convs\.", "super_resolution.fuse_head_torso."),
    (_SR + r"fuse_fg_bg_convs\.", "super_resolution.fuse_background."),
    # Layers of the torso's networks
    (_WARP + r"in_conv\.layers\.", r"\1.stem.layers."),
    (_WARP + r"(down|up)\.(\d+)\.layers\.[01]\.layers\.", r"\1.\2.\3.layers."),
    (_WARP + r"res\.", r"\1.blocks."),
    (_WARP + r"tgt_head_encoder\.", r"\1.head."),
    (_WARP + r"tgt_head_fuser\.", r"\1.fuse_head."),
    (_WARP + r"mask_conv\.", r"\1.mask."),
    (_WARP + r"occlusion_conv\.", r"\1.occlusion."),
    (_WARP + r"occlusion_conv2\.", r"\1.blend_occlusion."),
    (_WARP + r"out_conv\.", r"\1.out."),
    (r"^(super_resolution\.torso_warp\.appearance)\.mid_conv\.", r"\1.spread."),
    (r"^(super_resolution\.torso_warp\.generator)\.mid_conv\.", r"\1.mix."),
    # Inside residual blocks: two times (norm, ReLU, convolution); elsewhere: convolution, norm, ReLU
    (_WARP + r"(blocks|head)\.(\d+)\.layers\.0\.layers\.0\.", r"\1.\2.\3.norm1."),
    (_WARP + r"(blocks|head)\.(\d+)\.layers\.0\.layers\.2\.", r"\1.\2.\3.conv1."),
    (_WARP + r"(blocks|head)\.(\d+)\.layers\.1\.layers\.0\.", r"\1.\2.\3.norm2."),
    (_WARP + r"(blocks|head)\.(\d+)\.layers\.1\.layers\.2\.", r"\1.\2.\3.conv2."),
    (_WARP + r"(stem|down\.\d+|up\.\d+|head\.0)\.layers\.0\.", r"\1.\2.conv."),
    (_WARP + r"(stem|down\.\d+|up\.\d+|head\.0)\.layers\.1\.", r"\1.\2.norm."),
    # Spectral norm keeps its singular vectors beside the weight under the published names
    (_WARP + r"(.*\.conv\d?)\.weight_orig$", r"\1.\2.weight"),
)
