"""What models of sparse texts share: which runs of words and of letters they see."""

from pydantic import Field
from sklearn.base import TransformerMixin

from features.sentences import WeightedSentences
from pipelines.models import Model, ModelParams, Range


class TextParams(ModelParams):
    """Hyperparameters of the columns that texts become.

    Attributes:
        words: longest run of words that counts as one; 0 none.
        letters: longest run of letters, one more in Korean; 0 none.
        morphemes: whether Korean is read by its morphemes too; asks for kiwipiepy.
    """

    words: int = Field(default=2, ge=0, le=3)
    letters: int = Field(default=5, ge=0, le=8)
    morphemes: bool = False


RUNS = {"words": Range(1, 3, whole=True), "letters": Range(3, 6, whole=True)}


class TextModel(Model):
    """Takes tables with texts, as sparse TF-IDF; single words where neither words nor letters are asked for."""

    def inputs(self) -> TransformerMixin:
        asked = self.params
        return WeightedSentences(
            asked.words or int(not asked.letters), asked.letters, asked.morphemes
        )
