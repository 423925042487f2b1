import io
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from PIL import Image
from sklearn.datasets import load_digits

from pipelines.training import pictures

DIGITS = load_digits().images.astype(np.uint8)[..., None]
IDS = np.array([f"r{i}" for i in range(9)])
LABELS = load_digits().target[:9].astype(str)
HISTORY = [
    {"fold": fold, "epoch": epoch, "loss": 1 / (epoch + 1 + fold), "val_loss": 1.5 / (epoch + 1)}
    for fold, epochs in ((0, 4), (1, 6))
    for epoch in range(epochs)
]


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a whole PNG file, in pixels."""
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.size


def words(figure) -> list[str]:
    """All captions inside the axes."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def title(figure) -> str:
    return figure.get_suptitle()


DRAWN = {
    "sample_grid": lambda: pictures.sample_grid(DIGITS[:9], IDS, LABELS),
    "wrong_gallery": lambda: pictures.wrong_gallery(DIGITS[:9], IDS, LABELS, LABELS[::-1]),
    "distributions": lambda: pictures.distributions(
        pd.DataFrame({"x": [1.5, 2, None], "word": ["a", "b", None]}),
        pd.DataFrame({"x": [1, 2], "word": ["a", "c"]}),
        np.array([0.5, 1, 2]),
    ),
    "curves": lambda: pictures.curves(HISTORY),
    "confusion_matrix": lambda: pictures.confusion_matrix(
        np.array([0, 1, 1]), np.array([0, 0, 1]), ["no", "yes"]
    ),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN.keys())
class TestEveryPicture:
    def test_is_a_png_of_the_same_bytes_each_time_without_date_or_version(self, draw):
        png = draw()
        assert min(size(png)) > 100
        assert draw() == png
        with Image.open(io.BytesIO(png)) as picture:
            assert set(picture.info) == {"dpi"}

    def test_a_users_settings_change_nothing_and_stay(self, draw):
        png = draw()
        with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
            assert draw() == png
            assert mpl.rcParams["font.size"] == 30

    def test_no_warning_reaches_the_console(self, draw):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw()


def test_pyplot_is_never_loaded():
    code = (
        "import sys, numpy as np; from pipelines.training import pictures;"
        "pictures.confusion_matrix(np.array([0]), np.array([0]), ['a']);"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_hangul_labels_draw_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = pictures.sample_grid(DIGITS[:1], ["행1"], ["고양이"])
    assert size(png)


def test_an_installed_hangul_font_is_found(monkeypatch):
    known = [e for e in font_manager.fontManager.ttflist if e.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", known)
    assert pictures.font_families() == ["DejaVu Sans"]
    entry = font_manager.FontEntry(fname=known[0].fname, name="NanumGothic")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*known, entry])
    assert pictures.font_families() == ["DejaVu Sans", "NanumGothic"]


class TestSampleGrid:
    def test_every_picture_bears_its_row_id_and_its_label(self):
        figure = pictures.sample_grid.__wrapped__(DIGITS[:9], IDS, LABELS, columns=4)
        assert words(figure) == [f"r{i}\n{i}" for i in range(9)]
        shown = [image.get_array() for image in figure.axes[0].images]
        np.testing.assert_allclose(shown[3], DIGITS[3, ..., 0] / 16)

    def test_long_names_are_cut(self):
        figure = pictures.sample_grid.__wrapped__(DIGITS[:1], ["x" * 40], ["y" * 40])
        assert max(map(len, words(figure)[0].split("\n"))) == 14

    def test_whole_numbers_and_floats_of_one_value_look_the_same(self):
        floats = DIGITS[:9].astype(np.float32) / 16
        assert pictures.sample_grid(floats, IDS, LABELS, white=1) == pictures.sample_grid(
            DIGITS[:9], IDS, LABELS, white=16
        )

    def test_white_is_what_it_is_told_to_be(self):
        figure = pictures.sample_grid.__wrapped__(DIGITS[:1], ["r0"], ["0"], white=32)
        assert figure.axes[0].images[0].get_array().max() <= 0.5

    @settings(max_examples=10, deadline=None)
    @given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
    def test_any_shape_grey_or_rgb_draws(self, n, height, width, channels):
        shape = (n, height, width, channels)
        stack = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        names = [str(i) for i in range(n)]
        assert size(pictures.sample_grid(stack, names, names, columns=3))

    def test_black_pictures_draw(self):
        assert size(pictures.sample_grid(np.zeros((2, 4, 4, 1), np.uint8), ["a", "b"], ["0", "0"]))


class TestWrongGallery:
    def draw(self, predicted, **options):
        return pictures.wrong_gallery.__wrapped__(DIGITS[:9], IDS, LABELS, predicted, **options)

    def test_only_the_wrong_ones_are_shown_with_truth_and_guess(self):
        predicted = LABELS.copy()
        predicted[[2, 5]] = ["7", "3"]
        figure = self.draw(predicted)
        assert words(figure) == ["r2\n2 → 7", "r5\n5 → 3"]
        np.testing.assert_allclose(figure.axes[0].images[1].get_array(), DIGITS[5, ..., 0] / 16)
        assert title(figure) == "2 of 9 rows are wrong: true → predicted"

    def test_the_limit_cuts_and_the_title_says_so(self):
        figure = self.draw(np.full(9, "x"), limit=4)
        assert [text.split("\n")[0] for text in words(figure)] == ["r0", "r1", "r2", "r3"]
        assert "9 of 9 rows are wrong; the first 4 are shown" in title(figure)

    def test_it_is_a_square(self):
        figure = self.draw(np.full(9, "x"))
        assert figure.axes[0].get_xlim() == (0, 3)
        assert len({image.get_extent()[3] for image in figure.axes[0].images}) == 3

    def test_nothing_wrong_is_said_in_words(self):
        figure = self.draw(LABELS)
        assert [text.get_text() for text in figure.texts] == ["0 of 9 rows are wrong"]


class TestDistributions:
    def draw(self, train, test, target=None):
        return pictures.distributions.__wrapped__(pd.DataFrame(train), pd.DataFrame(test), target)

    def test_histograms_hold_the_share_of_the_rows(self):
        figure = self.draw({"x": [1, 1, 2, None]}, {"x": [2, 2]})
        train, test = (patch.get_data() for patch in figure.axes[0].patches)
        np.testing.assert_allclose(train.values, [0.5, 0.25])
        np.testing.assert_allclose(test.values, [0, 1])
        np.testing.assert_allclose(train.edges, [0.5, 1.5, 2.5])
        assert figure.axes[0].get_xlabel() == "∅ 25.0% · 0.0%"

    def test_bars_name_the_rare_ones_and_the_missing_ones(self):
        figure = self.draw({"word": ["b", "a", "b", None]}, {"word": ["a", "z"]})
        axes = figure.axes[0]
        assert [label.get_text() for label in axes.get_yticklabels()] == [
            "b", "a", "+", "∅",
        ]  # fmt: skip
        lengths = [[bar.get_width() for bar in part] for part in axes.containers]
        assert lengths == [[0.5, 0.25, 0, 0.25], [0, 0.5, 0.5, 0]]

    def test_a_column_of_names_says_how_many(self):
        names = [f"m{i}" for i in range(20)]
        assert words(self.draw({"name": names}, {"name": names})) == ["# 20"]

    def test_at_most_24_panels_and_the_rest_is_counted(self):
        wide = {f"c{i}": [1.0, 2.0] for i in range(30)}
        figure = self.draw(wide, wide)
        assert len([axes for axes in figure.axes if axes.axison]) == 24
        assert title(figure) == "+ 6"
        with_target = self.draw(wide, wide, np.array([1.0, 2.0]))
        assert [axes.get_title() for axes in with_target.axes][:2] == ["y", "c0"]
        assert title(with_target) == "+ 7"

    def test_all_columns_drawn_says_nothing_of_more(self):
        assert "+" not in title(self.draw({"x": [1]}, {"x": [1]}))

    @settings(max_examples=8, deadline=None)
    @given(
        st.lists(
            st.one_of(st.none(), st.floats(), st.booleans(), st.text(max_size=4)),
            min_size=1,
            max_size=12,
        ),
        st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=12),
    )
    def test_any_column_draws(self, one, other):
        assert size(pictures.distributions(pd.DataFrame({"x": one}), pd.DataFrame({"x": other})))
        assert size(pictures.distributions(pd.DataFrame({"x": other}), pd.DataFrame({"x": other})))


class TestCurves:
    def test_a_panel_per_measure_with_folds_and_their_mean(self):
        rows = [{**row, "accuracy": 0.5} for row in HISTORY]
        figure = pictures.curves.__wrapped__(rows)
        assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
        fold0, fold1, mean, *_ = figure.axes[0].lines
        np.testing.assert_allclose(fold1.get_ydata(), [1 / (e + 2) for e in range(6)])
        assert mean.get_ydata()[0] == pytest.approx((1 + 1 / 2) / 2)
        assert fold0.get_alpha() < 1

    def test_the_mean_ends_with_the_first_fold_that_stops(self):
        mean = pictures.curves.__wrapped__(HISTORY).axes[0].lines[2]
        assert np.isfinite(mean.get_ydata()).tolist() == [True] * 4 + [False] * 2

    def test_fitted_and_validation_stand_in_one_panel(self):
        figure = pictures.curves.__wrapped__(HISTORY)
        legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert legend == ["fitted", "validation"]

    def test_no_epochs_is_said_in_words(self):
        figure = pictures.curves.__wrapped__([])
        assert [text.get_text() for text in figure.texts] == ["no epochs were recorded"]


class TestConfusionMatrix:
    def test_lines_are_true_and_columns_predicted(self):
        figure = pictures.confusion_matrix.__wrapped__(
            np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), ["no", "yes"]
        )
        axes = figure.axes[0]
        cells = {text.get_position(): text.get_text() for text in axes.texts}
        assert cells == {(0, 0): "1", (1, 0): "2", (1, 1): "1"}
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
        assert axes.get_title() == "2 of 4 rows are right"
        np.testing.assert_allclose(np.square(axes.images[0].get_array()), [[1 / 3, 2 / 3], [0, 1]])

    def test_a_class_that_nobody_is_or_predicts_keeps_its_line(self):
        figure = pictures.confusion_matrix.__wrapped__(
            np.array([0]), np.array([0]), ["a", "b", "c"]
        )
        assert figure.axes[0].images[0].get_array().shape == (3, 3)

    @pytest.mark.parametrize(("classes", "numbered"), [(30, True), (31, False), (130, False)])
    def test_many_classes_are_only_shaded(self, classes, numbered):
        y = np.arange(classes)
        names = [f"c{i}" for i in y]
        figure = pictures.confusion_matrix.__wrapped__(y, y, names)
        assert bool(words(figure)) == numbered
        assert len(figure.axes[0].get_yticks()) <= 60
