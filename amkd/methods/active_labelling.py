"""The classic loop without mixes: each round asks about some of the images that were not drawn.

The annotator is the teacher or, with ``teacher.kind=labels``, the data set's own labels. Round 0
asks about ``n_real`` images. Each later round scores all that are left, or ``search.scored_images``
of them, and asks about k, by ``search.acquisition`` (Peng et al., 2021, Algorithm 1 without its
lanes). ``lowest`` is least confidence: the lowest C1.
"""

from amkd.methods import image_choice
from amkd.methods.base import ImageSelector, Method

METHOD = Method(
    selector=ImageSelector(image_choice.choose, image_choice.evaluations, acquires=True)
)
