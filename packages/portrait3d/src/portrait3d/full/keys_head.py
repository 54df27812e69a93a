"""Published names of the head's weights -> ours, as ordered (pattern, replacement).

Every rule is applied once to every key, in order; `full/keys_torso.py` has the rules of the torso. They count
blocks and stages from 1, we from 0.
"""

_I2P = r"^cano_img2plane_backbone\."
_RESNET = _I2P + r"low_reso_encoder\.encoder\."
_PYRAMID = _I2P + r"low_reso_encoder\.decoder\."
_LOW = _I2P + r"low_reso_vit\."
_PREDICTOR = _I2P + r"triplane_predictor_vit\."
_ADAPTER = r"^secc_img2plane_backbone\."
_OUR_RESNET = "image_to_plane.low.encoder.encoder."
_IN_RESNET = r"^(image_to_plane\.low\.encoder\.encoder\.stages\.\d+\.\d+)\."
_IN_BLOCK = r"^(super_resolution\.(?:block0|block1|head_torso_block)(?:\.block)?)\."
_NAMED = enumerate(("first", "second", "third"))

RULES: tuple[tuple[str, str], ...] = (
    (r"^plane2grid_module\.res_blocks_3d\.", "plane_grid.blocks."),
    (r"^decoder\.net\.0\.", "decoder.hidden."),
    (r"^decoder\.net\.2\.", "decoder.out."),
    (_I2P + r"camera_to_channel\.", "image_to_plane.camera_channels."),
    # ResNet
    (_RESNET + r"conv1\.", _OUR_RESNET + "stem.conv."),
    (_RESNET + r"bn1\.", _OUR_RESNET + "stem.norm."),
    *((_RESNET + rf"layer{n + 1}\.", _OUR_RESNET + f"stages.{n}.") for n in range(4)),
    (_IN_RESNET + r"conv1\.", r"\1.first.conv."),
    (_IN_RESNET + r"bn1\.", r"\1.first.norm."),
    (_IN_RESNET + r"conv2\.", r"\1.second.conv."),
    (_IN_RESNET + r"bn2\.", r"\1.second.norm."),
    (_IN_RESNET + r"downsample\.0\.", r"\1.shortcut.conv."),
    (_IN_RESNET + r"downsample\.1\.", r"\1.shortcut.norm."),
    # Atrous pyramid
    (_PYRAMID + r"0\.convs\.0\.0\.", "image_to_plane.low.encoder.pyramid.near."),
    *(
        (_PYRAMID + rf"0\.convs\.{n + 1}\.0\.", f"image_to_plane.low.encoder.pyramid.dilated.{n}.")
        for n in range(3)
    ),
    (_PYRAMID + r"0\.convs\.4\.1\.", "image_to_plane.low.encoder.pyramid.whole."),
    (_PYRAMID + r"0\.project\.0\.", "image_to_plane.low.encoder.pyramid.project."),
    (_PYRAMID + r"1\.", "image_to_plane.low.encoder.out."),
    # The branches' ends and the predictor
    *((_LOW + rf"conv_after_upsample{n + 1}\.", f"image_to_plane.low.convs.{n}.") for n in range(2)),
    (_LOW + r"final_conv\.", "image_to_plane.low.out."),
    (_I2P + r"high_reso_encoder\.first\.", "image_to_plane.high.first."),
    *(
        (_I2P + rf"high_reso_encoder\.conv_layers\.{2 * n}\.", f"image_to_plane.high.convs.{n}.")
        for n in range(4)
    ),
    (_I2P + r"high_reso_encoder\.final\.", "image_to_plane.high.out."),
    (_PREDICTOR + r"first_conv\.", "image_to_plane.predictor.mix.0."),
    (_PREDICTOR + r"second_conv\.", "image_to_plane.predictor.mix.1."),
    *(
        (_PREDICTOR + rf"{name}_conv_after_cat\.", f"image_to_plane.predictor.convs.{n}.")
        for n, name in _NAMED
    ),
    (_PREDICTOR + r"final_conv\.", "image_to_plane.predictor.out."),
    # Transformers
    (_LOW + r"patch_embed\.", "image_to_plane.low.transformer.embed."),
    *((_LOW + rf"block{n + 1}\.", f"image_to_plane.low.transformer.blocks.{n}.") for n in range(10)),
    (_PREDICTOR + r"patch_embed\.", "image_to_plane.predictor.transformer.embed."),
    *(
        (_PREDICTOR + rf"block{n + 1}\.", f"image_to_plane.predictor.transformer.blocks.{n}.")
        for n in range(3)
    ),
    # Motion adapter
    (_ADAPTER + r"prenet\.", "motion_adapter.prenet."),
    *(
        (_ADAPTER + rf"mix_vit\.patch_embed{n + 1}\.", f"motion_adapter.encoder.stages.{n}.embed.")
        for n in range(4)
    ),
    *(
        (_ADAPTER + rf"mix_vit\.block{n + 1}\.", f"motion_adapter.encoder.stages.{n}.blocks.")
        for n in range(4)
    ),
    *((_ADAPTER + rf"mix_vit\.norm{n + 1}\.", f"motion_adapter.encoder.stages.{n}.norm.") for n in range(4)),
    *(
        (_ADAPTER + rf"fuse_head\.linear_c{n + 1}\.proj\.", f"motion_adapter.head.linears.{n}.")
        for n in range(4)
    ),
    (_ADAPTER + r"fuse_head\.linear_fuse\.conv\.", "motion_adapter.head.fuse.conv."),
    (_ADAPTER + r"fuse_head\.linear_fuse\.bn\.", "motion_adapter.head.fuse.norm."),
    *((_ADAPTER + rf"to_plane_cnn\.{2 * n}\.", f"motion_adapter.to_plane.{n}.") for n in range(3)),
    (_ADAPTER + r"to_plane_cnn\.7\.", "motion_adapter.out."),
    (r"^((?:image_to_plane|motion_adapter)\..*\.attn)\.sr\.", r"\1.reduce."),
    (r"^((?:image_to_plane|motion_adapter)\..*\.mlp\.dwconv)\.dwconv\.", r"\1."),
    # Synthesis blocks, also those of the torso, and what `large_sr` adds to them
    (r"^superresolution\.(block0|block1|head_torso_block)\.", r"super_resolution.\1."),
    (_IN_BLOCK + r"conv0\.", r"\1.first."),
    (_IN_BLOCK + r"conv1\.", r"\1.second."),
    (_IN_BLOCK + r"torgb\.", r"\1.to_rgb."),
    (_IN_BLOCK + r"resblocks\.(\d+)\.conv1\.", r"\1.residuals.\2.first."),
    (_IN_BLOCK + r"resblocks\.(\d+)\.conv2\.", r"\1.residuals.\2.second."),
)
