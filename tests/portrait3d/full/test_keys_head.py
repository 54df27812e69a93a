import pytest

from portrait3d.full.published_keys import our_name

I2P, ADAPTER = "cano_img2plane_backbone", "secc_img2plane_backbone"


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        (f"{I2P}.low_reso_encoder.encoder.layer3.5.bn2.running_var",
         "image_to_plane.low.encoder.encoder.stages.2.5.second.norm.running_var"),
        (f"{I2P}.low_reso_encoder.encoder.layer2.0.downsample.1.bias",
         "image_to_plane.low.encoder.encoder.stages.1.0.shortcut.norm.bias"),
        (f"{I2P}.low_reso_encoder.decoder.0.convs.3.0.weight",
         "image_to_plane.low.encoder.pyramid.dilated.2.weight"),
        (f"{I2P}.low_reso_vit.block10.attn.q.bias", "image_to_plane.low.transformer.blocks.9.attn.q.bias"),
        (f"{I2P}.triplane_predictor_vit.block1.attn.sr.weight",
         "image_to_plane.predictor.transformer.blocks.0.attn.reduce.weight"),
        (f"{I2P}.triplane_predictor_vit.second_conv_after_cat.bias", "image_to_plane.predictor.convs.1.bias"),
        (f"{I2P}.triplane_predictor_vit.second_conv.bias", "image_to_plane.predictor.mix.1.bias"),
        (f"{ADAPTER}.mix_vit.block4.1.mlp.dwconv.dwconv.bias",
         "motion_adapter.encoder.stages.3.blocks.1.mlp.dwconv.bias"),
        (f"{ADAPTER}.fuse_head.linear_c4.proj.weight", "motion_adapter.head.linears.3.weight"),
        (f"{ADAPTER}.to_plane_cnn.7.weight", "motion_adapter.out.weight"),
        ("superresolution.block1.conv0.affine.bias", "super_resolution.block1.first.affine.bias"),
        ("superresolution.block0.resblocks.1.conv2.weight", "super_resolution.block0.residuals.1.second.weight"),
        ("superresolution.block0.block.torgb.weight", "super_resolution.block0.block.to_rgb.weight"),
        ("decoder.net.2.weight", "decoder.out.weight"),
    ],
)  # fmt: skip
def test_names(published, ours):
    assert our_name(published) == ours
