"""The classic loop without mixes: each round queries some of the images that were not drawn.

The annotator is the teacher or, with ``teacher.kind=labels``, the data set's ground-truth labels.
Round 0 queries ``n_real`` images. Each later round scores all remaining images, or
``search.scored_images`` of them, and queries k of these, chosen by ``search.acquisition`` (Peng et
al., 2021, Algorithm 1 without its lanes). ``lowest`` is least confidence: the lowest C1.
"""

from amkd.methods import image_choice
from amkd.methods.base import ImageSelector, Method

METHOD = Method(
    selector=ImageSelector(image_choice.choose, image_choice.evaluations, acquires=True)
)
