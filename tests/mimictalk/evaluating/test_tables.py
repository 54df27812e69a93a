"""Tables with the papers' columns."""

from mimictalk.evaluating.figures import MEASURES, Figure
from mimictalk.evaluating.tables import show, table, tables

FIGURES = [Figure(key, 1.5) for key in MEASURES]


def test_layouts_of_one_identity_and_of_two():
    same = tables(FIGURES, "me", cross=False)
    heads = same["Real3D-Portrait, same identity"].splitlines()[0].split()
    assert heads == ["Method", "PSNR↑", "SSIM↑", "LPIPS↓", "CSIM↑", "FID↓", "AED↓", "APD↓"]
    assert same["MimicTalk"].splitlines()[0].split() == [
        "Method",
        "CSIM↑",
        "PSNR↑",
        "FID↓",
        "AED↓",
        "Sync-C↑",
    ]
    (cross,) = tables(FIGURES, "me", cross=True).values()
    assert cross.splitlines()[0].split() == ["Method", "CSIM↑", "FID↓", "AED↓", "APD↓"]


def test_columns_stand_under_their_heads():
    figures = {"psnr": Figure("psnr", 27.314), "fid": Figure("fid", None, "no weights")}
    lines = table(figures, ("psnr", "fid"), "my avatar").splitlines()
    assert lines == ["Method     PSNR↑  FID↓", "---------  -----  ----", "my avatar  27.31     -"]


def test_numbers_have_as_many_digits_as_in_papers():
    assert [show(value) for value in (42.371, 0.1384, -40.0, None)] == ["42.37", "0.138", "-40.00", "-"]
