import pytest

from scanwright.dataset.layouts.sides import word_of


@pytest.mark.parametrize(
    ("text", "word"),
    [
        *((text, "train") for text in ("train", "Training", "train set", "", " ")),
        *((text, "validation") for text in ("val", "VALID", "validation", "dev", "validation_set")),
        *((text, "test") for text in (" Test ", "testing", "holdout", "hold-out", "Hold out", "test set", "external")),
        *((text, "fold") for text in ("0", "03", "fold 1", "Fold_2", "fold-3")),
        *((text, None) for text in ("tests", "te", "tst", "A", "1.5", "train/test", "-", "set", "fold")),
    ],
)
def test_words(text, word):
    assert word_of(text) == word
