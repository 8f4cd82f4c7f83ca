import pytest
from PIL import Image

from gzslbench.errors import UsageError
from gzslbench.report.figures.catalogue import FIGURES
from gzslbench.report.figures.drawing import caption, draw


def test_writes_both_files_with_the_same_bytes_each_time(add, ask, tmp_path):
    add()
    first = draw(ask("confusion", "gsmflow"), tmp_path / "one")
    second = draw(ask("confusion", "gsmflow"), tmp_path / "two")
    assert [path.name for path in first] == ["confusion-TINY-gsmflow.png", "confusion-TINY-gsmflow.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert b"<dc:date>" not in first[1].read_bytes()
    with Image.open(first[0]) as image:
        assert image.format == "PNG"


def test_the_caption_is_on_the_page_below_all_else(add, ask, tmp_path):
    from gzslbench.report.figures.archive import Archive
    from gzslbench.report.figures.seen_unseen import draw as draw_curve
    from gzslbench.report.figures.style import save, styled

    add("eszsl")
    with styled():
        drawing = draw_curve(Archive(ask("seen-unseen", "eszsl")))
        said = caption(FIGURES["seen-unseen"], drawing)
        save(drawing.figure, said, tmp_path, "curve")
    (text,), (legend,) = drawing.figure.texts, drawing.figure.legends
    assert " ".join(text.get_text().split()) == said
    for fact in ("TINY", "official", "inductive", "budget full", "seed 0", "Chao et al."):
        assert fact in said
    assert text.get_window_extent().y1 < legend.get_window_extent().y0


def test_a_figure_of_one_method_takes_one(add, ask, tmp_path):
    add()
    with pytest.raises(UsageError, match="draws one method; give --method once"):
        draw(ask("sensitivity", "gsmflow", "eszsl"), tmp_path)
